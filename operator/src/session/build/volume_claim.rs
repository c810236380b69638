//! The volume of the records. It outlives the session unless the tenant says otherwise.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};

use super::{FoundVolume, metadata, quantity, unowned};
use crate::session::validate::{Records, ValidatedSession};

/// The claim. One that is there keeps its class, and its size where that is larger: the API server refuses both
/// changes, and a session that takes up the volume of a former one is better off with it than without.
pub(super) fn build(
    session: &ValidatedSession,
    found: Option<&FoundVolume>,
) -> Option<PersistentVolumeClaim> {
    let Records::Volume {
        size,
        class,
        delete,
    } = &session.records
    else {
        return None;
    };
    let size = found.map_or(*size, |found| found.size.max(*size));
    let class = found.map_or(class, |found| &found.class);
    let mut metadata = metadata(session);
    if !delete {
        metadata = unowned(&session.owner, session.child.as_str());
    }
    Some(PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([(
                    "storage".to_owned(),
                    quantity::bytes(size),
                )])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}
