//! The volume: who owns it, and what becomes of one that is there.

use super::*;
use crate::session::build::FoundVolume;

fn claim(more: &str, found: Option<FoundVolume>) -> Value {
    let found = Found {
        volume: found,
        ..Found::default()
    };
    let session = validated(&session(more), None);
    json!(build(&session, &settings(&[]), &found).volume_claim)
}

#[test]
fn it_goes_with_the_session_only_where_the_tenant_says_so() {
    assert!(claim("", None)["metadata"]["ownerReferences"].is_null());
    let owned = claim("  store: {reclaim: Delete}", None);
    assert_eq!(owned["metadata"]["ownerReferences"][0]["name"], "default");
}

#[test]
fn one_of_a_former_session_is_taken_up_as_it_is_and_may_grow() {
    let found = |gibibytes: u64| FoundVolume {
        size: gibibytes << 30,
        class: Some("slow".to_owned()),
    };
    let spec = "  store: {sqlite: {size: 2Gi, storageClassName: fast}}";
    let size = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].clone();
    let grown = claim(spec, Some(found(1)));
    assert_eq!(size(&grown), "2Gi");
    assert_eq!(grown["spec"]["storageClassName"], "slow");
    assert_eq!(size(&claim(spec, Some(found(5)))), "5Gi");
}

#[test]
fn there_is_none_for_records_that_are_elsewhere() {
    assert!(claim("  store: {sqlite: {ephemeral: true}}", None).is_null());
}
