//! Children that are made, made again, and left alone.

use super::*;

#[tokio::test]
async fn children_are_made_in_order_and_then_nothing_is_written() {
    let mut stage = Stage::new(&json!({"storageRef": {"name": "acme"}})).with_storage();
    stage.make().await;
    // Nothing has changed since.
    stage
        .reconcile(async |server: Server| server)
        .await
        .unwrap();
    stage.start_pod();
    stage.says(|_| {});
    stage
        .reconcile(async |mut server: Server| {
            assert_eq!(ready(&mut server).await, "True Ready");
            assert_eq!(event(&mut server).await["reason"], "Ready");
            server
        })
        .await
        .unwrap();
    // A steady state writes nothing, and asks nothing either.
    stage
        .reconcile(async |server: Server| server)
        .await
        .unwrap();
}

/// T1: a deleted child comes back.
#[tokio::test]
async fn a_deleted_child_is_made_again() {
    let mut stage = Stage::new(&json!({}));
    stage.make().await;
    let key = crate::apply::Key {
        kind: "Service",
        namespace: "acme".to_owned(),
        name: "msess-default".to_owned(),
    };
    stage.world.context.ledger.gone(&key, None);
    stage
        .reconcile(async |mut server: Server| {
            server.expect(CHILDREN[2]).await.accept("again", "9");
            server
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_that_the_upgrade_has_yet_to_reach_keeps_its_deployment() {
    let mut stage = Stage::new(&json!({}));
    stage.make().await;
    stage.start_pod();
    // The operator is started with another image, and one other session takes the only place.
    let context = Arc::get_mut(&mut stage.world.context).unwrap();
    let settings = Arc::get_mut(&mut context.settings).unwrap();
    settings.sidecar_image = OLD.parse().unwrap();
    settings.max_unavailable_sessions = Some(1);
    let mut fleet = Fleet::new(images(OLD));
    let other = Key {
        namespace: "acme".to_owned(),
        name: "other".to_owned(),
    };
    let seen = rollout::Seen {
        images: Some(images(NEW)),
        health: rollout::Health::Up,
    };
    fleet.begin(other.clone(), &seen, Timestamp::UNIX_EPOCH);
    assert_eq!(fleet.admit(&other, 1, Timestamp::UNIX_EPOCH), Verdict::Go);
    *stage.memory.fleet() = fleet;
    stage.says(|report| report.storage_generation = 0);
    stage
        .reconcile(async |mut server: Server| {
            assert_eq!(ready(&mut server).await, "True Ready");
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
    stage.memory.fleet().forget(&other);
    stage
        .reconcile(async |mut server: Server| {
            server
                .expect("GET /apis/apps/v1/namespaces/acme/deployments/msess-default")
                .await
                .fail(404, "NotFound");
            let call = server.expect(CHILDREN[4]).await;
            assert_eq!(
                call.body["spec"]["template"]["spec"]["containers"][0]["image"],
                OLD
            );
            call.accept("new", "7");
            assert_eq!(ready(&mut server).await, "False WorkloadUnavailable");
            event(&mut server).await;
            server
        })
        .await
        .unwrap();
}
