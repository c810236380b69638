//! The conditions that say how a part of a session is.

use super::*;

const NATIVE: &str = "  source: {whatsapp: {}}";
const HOOKED: &str = "  webhooks: [{url: 'https://app.acme.com/hooks'}]";

/// A `/status` that does not answer while the Deployment is available is that, and nothing else.
#[test]
fn an_unreachable_status_changes_nothing_else() {
    let mut scene = Scene::new(&yaml(HOOKED));
    scene.previous = scene.status();
    scene.seen.reports = vec![Some(silent())];
    assert_eq!(
        scene.told(),
        [
            "Ready=True Ready",
            "StorageReady=True Ready",
            "WorkloadAvailable=Unknown StatusUnreachable",
            "WebhooksReady=True Ready"
        ]
    );
}

/// A restarted operator has heard of nobody yet; that is no news, and nothing is written.
#[test]
fn a_sidecar_that_has_yet_to_be_asked_changes_nothing_at_all() {
    let mut scene = Scene::new(&yaml(HOOKED));
    scene.previous = scene.status();
    scene.seen.reports = vec![None];
    assert_eq!(scene.status(), scene.previous);
}

/// T9: an old verdict is not sold as one of the new generation.
#[test]
fn an_unreachable_status_says_nothing_of_a_new_generation() {
    let mut scene = Scene::new(SESSION);
    scene.previous = scene.status();
    scene.seen.reports = vec![Some(silent())];
    scene.session.generation = 2;
    let status = scene.status();
    assert_eq!(told(&status)[0], "Ready=Unknown Progressing");
    assert_eq!(status.observed_generation, Some(2));
}

#[test]
fn webhooks_that_fail_are_told_and_do_not_make_the_session_unready() {
    let mut scene = Scene::new(&yaml(HOOKED));
    scene.report(|report| {
        report.webhooks = vec![reported("spec.webhooks[0]", Reason::WebhookFailing, "503")];
    });
    let told = scene.told();
    assert_eq!(told[0], "Ready=True Ready");
    assert!(told.contains(&"WebhooksReady=False WebhookFailing".to_owned()));
}

#[test]
fn a_webhook_without_its_secret_is_not_ready_and_nor_is_the_session() {
    let mut scene = Scene::new(&yaml(HOOKED));
    scene.report(|report| {
        report.missing = vec![reported("spec.webhooks[0]", Reason::SecretNotFound, "gone")];
    });
    let told = scene.told();
    assert_eq!(told[0], "Ready=False SecretNotFound");
    assert!(told.contains(&"WebhooksReady=False SecretNotFound".to_owned()));
}

#[test]
fn a_linked_device_leaves_ready_alone() {
    use SessionState::{Connected, Connecting, Disconnected};
    for (state, reason, told) in [
        (Connected, None, "True Connected"),
        (Connecting, None, "Unknown Progressing"),
        (Connecting, Some("ScanQr"), "False ScanQr"),
        (Connecting, Some("AutoReconnect"), "False AutoReconnect"),
        (Disconnected, Some("LoggedOut"), "False LoggedOut"),
        (Disconnected, Some("TemporaryBan"), "False TemporaryBan"),
        (Disconnected, Some("OfALaterRelease"), "False Failed"),
    ] {
        let mut scene = Scene::new(&yaml(NATIVE));
        scene.report(|report| report.device = Some(device(state, reason)));
        let status = scene.status();
        assert_eq!(scene.told()[0], "Ready=True Ready");
        assert!(
            scene.told().contains(&format!("SessionConnected={told}")),
            "{told}"
        );
        assert_eq!(status.session_state, Some(state));
        assert_eq!(status.phone_number.as_deref(), Some("+49…12"));
    }
}

/// Every reason of a device says what is up, and where a person has to act, what to do.
#[test]
fn a_device_that_is_not_connected_says_why() {
    let message = |reason| {
        let mut scene = Scene::new(&yaml(NATIVE));
        scene.report(|report| {
            let said = device(SessionState::Disconnected, Some(reason));
            report.device = Some(said);
        });
        scene.message(ConditionType::SessionConnected)
    };
    let messages = [
        "ScanQr",
        "AutoReconnect",
        "LoggedOut",
        "TemporaryBan",
        "QrTimeout",
        "StreamError",
        "StreamReplaced",
        "ClientOutdated",
        "ManualStop",
        "Failed",
    ]
    .map(|reason| format!("{reason}: {}", message(reason)));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_device_that_says_nothing_is_as_it_was_and_one_that_is_suspended_is_not_connected() {
    let mut scene = Scene::new(&yaml(NATIVE));
    scene.report(|report| report.device = Some(device(SessionState::Connected, None)));
    scene.previous = scene.status();
    scene.seen.reports = vec![Some(silent())];
    let status = scene.status();
    assert_eq!(status.session_state, Some(SessionState::Connected));
    assert_eq!(status.phone_number.as_deref(), Some("+49…12"));
    assert!(
        scene
            .told()
            .contains(&"SessionConnected=True Connected".to_owned())
    );
    scene.report(|report| report.device = None);
    assert!(
        scene
            .told()
            .contains(&"SessionConnected=Unknown Progressing".to_owned())
    );
    scene.session.replicas = 0;
    let status = scene.status();
    assert_eq!(status.session_state, Some(SessionState::Disconnected));
    // A session that came to a gateway has no device.
    let mut scene = Scene::new(SESSION);
    scene.previous = status;
    assert_eq!(scene.status().session_state, None);
    assert_eq!(scene.status().phone_number, None);
}

fn device(state: SessionState, reason: Option<&str>) -> DeviceReport {
    DeviceReport {
        state,
        reason: reason.map(str::to_owned),
        retry_at: Some(Timestamp::from_second(3600).unwrap()),
        phone_number: Some("+49…12".to_owned()),
    }
}

#[test]
fn a_refused_host_is_told_and_the_session_works() {
    let mut scene = Scene::new(&yaml("  expose: {ingress: {host: evil.example}}"));
    assert_eq!(scene.told()[0], "Ready=True Ready");
    assert!(
        scene
            .told()
            .contains(&"Exposed=False HostNotAllowed".to_owned())
    );
    assert!(
        scene
            .message(ConditionType::Exposed)
            .contains("evil.example")
    );
    assert_eq!(scene.status().external_url, None);
    scene = Scene::new(SESSION);
    assert!(!scene.told().iter().any(|told| told.starts_with("Exposed")));
}

#[test]
fn an_ingress_is_exposed_once_it_has_an_address() {
    let mut scene = Scene::new(&yaml(
        "  expose: {ingress: {host: wa.acme.com, tlsSecretName: tls}}",
    ));
    scene.seen.route = Route::Ingress { admitted: false };
    assert!(
        scene
            .told()
            .contains(&"Exposed=False NotAccepted".to_owned())
    );
    scene.seen.route = Route::Ingress { admitted: true };
    assert!(scene.told().contains(&"Exposed=True Ready".to_owned()));
    assert_eq!(
        scene.status().external_url.as_deref(),
        Some("https://wa.acme.com")
    );
}

#[test]
fn exposed_follows_the_parents_of_the_route() {
    let route = "  expose: {httpRoute: {parentRefs: [{name: public, port: 443}], hostnames: [wa.acme.com]}}";
    let parents = |accepted: &str, resolved: &str| {
        Route::HttpRoute(Some(json!({"parents": [{
            "parentRef": {"name": "public"},
            "conditions": [
                {"type": "Accepted", "status": accepted, "reason": "NoMatchingListenerHostname", "message": "no"},
                {"type": "ResolvedRefs", "status": resolved, "reason": "RefNotPermitted", "message": "no"}
            ]
        }]})))
    };
    let mut scene = Scene::new(&yaml(route));
    for (seen, told, message) in [
        (
            Route::NoGatewayApi,
            "Exposed=False NotAccepted",
            "does not have",
        ),
        (Route::None, "Exposed=Unknown Progressing", "yet"),
        (
            Route::HttpRoute(None),
            "Exposed=False NotAccepted",
            "no Gateway",
        ),
        (
            parents("False", "True"),
            "Exposed=False NotAccepted",
            "NoMatchingListenerHostname",
        ),
        (
            parents("True", "False"),
            "Exposed=False NotAccepted",
            "RefNotPermitted",
        ),
        (parents("True", "True"), "Exposed=True Ready", "taken up"),
    ] {
        scene.seen.route = seen;
        assert!(
            scene.told().contains(&told.to_owned()),
            "{:?}",
            scene.told()
        );
        assert!(scene.message(ConditionType::Exposed).contains(message));
    }
    assert_eq!(
        scene.status().external_url.as_deref(),
        Some("https://wa.acme.com")
    );
}

#[test]
fn a_store_of_a_suspended_or_a_former_session_says_nothing() {
    let mut scene = Scene::new(SESSION);
    scene.seen.workload = Some(Arc::new(workload(0)));
    scene.report(|report| report.store = "disk full".to_owned());
    let told = scene.message(ConditionType::Ready);
    assert_eq!(told, "the sidecar can't use its records: disk full");
    scene.report(|report| report.store = Reason::Suspended.to_string());
    assert!(!scene.message(ConditionType::Ready).contains("records"));
    scene.report(|report| {
        report.store = "disk full".to_owned();
        report.uid = "of-a-former-one".to_owned();
    });
    assert!(!scene.message(ConditionType::Ready).contains("records"));
}
