//! The ConfigMap that the pod reads. A change of it never rolls the pod: the sidecar re-reads its files.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata;
use crate::{document, session::validate::ValidatedSession};

pub(super) fn build(session: &ValidatedSession) -> ConfigMap {
    let mut data = BTreeMap::from([(document::SESSION.to_owned(), session.document.clone())]);
    if let Some(storage) = &session.storage {
        data.insert(document::STORAGE.to_owned(), storage.text.clone());
    }
    ConfigMap {
        metadata: metadata(session),
        data: Some(data),
        ..ConfigMap::default()
    }
}
