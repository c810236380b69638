//! Paths and URLs as tables.

use super::*;
use crate::media::MediaType;

const PATH: &str = "/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01_Q5&oe=69A1B2C3&_nc_sid=5e03e0";
const MMG: &str = "https://mmg.whatsapp.net";

fn reference(direct_path: Option<&str>, url: Option<&str>) -> Reference {
    Reference {
        direct_path: direct_path.map(str::to_owned),
        url: url.map(str::to_owned),
        enc_sha256: Some([0xfb; 32]),
        media_type: MediaType::Image,
        encrypted: true,
    }
}

fn given(origin: &str) -> Origins {
    Origins::new(vec![Origin::given(&origin.parse().unwrap()).unwrap()])
}

/// Every URL in the order it would be tried, first form only.
fn tried(reference: &Reference, origins: &Origins) -> Result<Vec<String>, &'static str> {
    let location = locate(reference, origins)?;
    let uri = |origin| location.uri(origin, location.form).unwrap().to_string();
    Ok(location.origins.iter().map(uri).collect())
}

#[test]
fn parameters_are_joined_by_inspection_and_the_query_is_kept() {
    let hash = format!("hash={}=", "-_v7".repeat(10) + "-_s");
    let all = format!("{hash}&mms-type=image&__wa-mms=");
    let table = [
        (PATH.to_owned(), format!("{PATH}&{all}")),
        ("/v/1".to_owned(), format!("/v/1?{all}")),
        ("/v/1?".to_owned(), format!("/v/1?{all}")),
        ("/v/1?a=b&".to_owned(), format!("/v/1?a=b&{all}")),
        (
            "/v/1?hash=x".to_owned(),
            "/v/1?hash=x&mms-type=image&__wa-mms=".to_owned(),
        ),
        (
            "/v/1?hash=x&mms-type=y&__wa-mms=".to_owned(),
            "/v/1?hash=x&mms-type=y&__wa-mms=".to_owned(),
        ),
        ("/v/1?hashed=1".to_owned(), format!("/v/1?hashed=1&{all}")),
    ];
    for (path, expected) in table {
        let tried = tried(&reference(Some(&path), None), &Origins::new(Vec::new())).unwrap();
        assert_eq!(tried[0], format!("{MMG}{expected}"));
        assert_eq!(
            tried[1],
            format!("https://mmg-fallback.whatsapp.net{expected}")
        );
    }
}

#[test]
fn newsletter_media_has_no_hash_and_its_own_type() {
    let mut plain = reference(Some("/o1/v/1?oe=1"), None);
    plain.enc_sha256 = None;
    plain.encrypted = false;
    let tried = tried(&plain, &Origins::new(Vec::new())).unwrap();
    assert_eq!(
        tried[0],
        format!("{MMG}/o1/v/1?oe=1&mms-type=newsletter-image&__wa-mms=")
    );
}

#[test]
fn paths_that_could_leave_their_host_are_refused() {
    assert_eq!(check_direct_path(PATH), Ok(()));
    assert_eq!(check_direct_path("/v/1"), Ok(()));
    let long = format!("/{}", "a".repeat(MAX_PATH));
    let bad = [
        "",
        "v/1",
        "//evil.example/v/1",
        "https://evil.example/v/1",
        "@evil.example/",
        "/\\evil.example/v/1",
        "/v/1@evil.example",
        ".evil.example/v/1",
        ":8080/v/1",
        "/v/1\r\nHost: x",
        "/v/1 2",
        "/v/ä",
        "/v/\0",
        "/v/1#x",
        "/v/../x",
        "/v/%2e%2E/x",
        "/v/.",
        "/v/<x>",
        "?oe=1",
        &long,
    ];
    for path in bad {
        assert!(check_direct_path(path).is_err(), "{path:?}");
        assert!(
            path.is_empty()
                || tried(&reference(Some(path), None), &given("http://127.0.0.1:9")).is_err()
        );
    }
}

#[test]
fn expiry_is_the_hex_oe() {
    let at = |path| expires_at(path).map(Timestamp::as_second);
    assert_eq!(at(PATH), Some(0x69A1_B2C3));
    assert_eq!(at("/v/1?oe=65d2f000"), Some(0x65d2_f000));
    assert_eq!(at("/v/1?oh=1"), None);
    assert_eq!(at("/v/1"), None);
    assert_eq!(at("/v/1?oe=zz"), None);
    assert_eq!(at("/v/1?oe=7fffffffffffffff"), None);
    assert_eq!(at("/v/1?xoe=1"), None);
}

#[test]
fn a_full_url_is_the_last_resort_and_only_below_whatsapp_net() {
    let ours = Origins::new(Vec::new());
    let full = |url| tried(&reference(None, Some(url)), &ours);
    let regional = "https://media-fra5-2.cdn.whatsapp.net/v/1?oe=1&mms3=true";
    assert_eq!(full(regional).unwrap()[0], regional);
    assert_eq!(
        full(regional).unwrap()[1],
        format!("{MMG}/v/1?oe=1&mms3=true")
    );
    assert_eq!(full("https://mmg.whatsapp.net/v/1?oe=1").unwrap().len(), 2);
    for bad in [
        "http://mmg.whatsapp.net/v/1",
        "https://mmg.whatsapp.net:8443/v/1",
        "https://user@mmg.whatsapp.net/v/1",
        "https://whatsapp.net.evil.example/v/1",
        "https://evilwhatsapp.net/v/1",
        "https://web.whatsapp.net/",
        "https://127.0.0.1/v/1",
        "ftp://mmg.whatsapp.net/v/1",
        "not a url",
        "",
    ] {
        assert!(full(bad).is_err(), "{bad}");
    }
    let both = reference(Some("/v/2?oe=2"), Some(regional));
    assert!(
        tried(&both, &ours)
            .unwrap()
            .iter()
            .all(|url| url.contains("mmg") && url.contains("/v/2?oe=2&"))
    );
    let empty_path = reference(Some(""), Some(regional));
    assert_eq!(tried(&empty_path, &ours).unwrap()[0], regional);
}

#[test]
fn given_origins_take_every_fetch() {
    let origins = given("http://127.0.0.1:9000");
    let url = "https://media-fra5-2.cdn.whatsapp.net/v/1?oe=1&mms3=true";
    let there = "http://127.0.0.1:9000/v/1?oe=1&mms3=true";
    assert_eq!(
        tried(&reference(None, Some(url)), &origins).unwrap(),
        [there]
    );
    assert_eq!(
        tried(&reference(None, Some(there)), &origins).unwrap(),
        [there]
    );
    assert!(
        tried(
            &reference(None, Some("http://127.0.0.1:9001/v/1")),
            &origins
        )
        .is_err()
    );
    let direct = tried(&reference(Some(PATH), Some(url)), &origins).unwrap();
    assert!(
        direct.len() == 1 && direct[0].starts_with(&format!("http://127.0.0.1:9000{PATH}&hash="))
    );
    assert_eq!(origins.trusted(), [("127.0.0.1".to_owned(), 9000)]);
    assert_eq!(given("https://[::1]").trusted(), [("::1".to_owned(), 443)]);
    assert!(Origins::new(Vec::new()).trusted().is_empty());
}

#[test]
fn an_origin_is_scheme_host_and_port_only() {
    for bad in [
        "http://h/p",
        "http://h/?q",
        "http://u@h",
        "ftp://h",
        "http://h/#f",
        "data:x",
    ] {
        assert!(Origin::given(&bad.parse().unwrap()).is_err(), "{bad}");
    }
}

#[test]
fn a_reference_never_shows_its_signature() {
    let shown = format!(
        "{:?}",
        reference(Some(PATH), Some("https://mmg.whatsapp.net/v/1?oh=secret"))
    );
    assert!(!shown.contains("oh=") && !shown.contains("t62"), "{shown}");
}
