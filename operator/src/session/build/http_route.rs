//! The way in through a Gateway: the session's own path and nothing beside it.

use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use titan_crds::media_session::{self, ParentRef};

use super::{API_PORT, metadata, service};
use crate::session::validate::ValidatedSession;

/// `HTTPRoute` of the Gateway API, which a cluster has only once it is installed there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    api_version: String,
    kind: String,
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: Value,
    /// What the Gateways say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
}

impl Resource for HttpRoute {
    const API_VERSION: &'static str = "gateway.networking.k8s.io/v1";
    const GROUP: &'static str = "gateway.networking.k8s.io";
    const KIND: &'static str = "HTTPRoute";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "httproutes";
    type Scope = NamespaceResourceScope;
}

impl Metadata for HttpRoute {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

pub(super) fn build(session: &ValidatedSession, expose: &media_session::HttpRoute) -> HttpRoute {
    let parents: Vec<_> = expose.parent_refs.iter().map(parent).collect();
    HttpRoute {
        api_version: HttpRoute::API_VERSION.to_owned(),
        kind: HttpRoute::KIND.to_owned(),
        metadata: metadata(session),
        spec: json!({
            "parentRefs": parents,
            "hostnames": expose.hostnames,
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": service::path(session)}}],
                "backendRefs": [{"name": session.child.as_str(), "port": API_PORT}],
            }],
        }),
        status: None,
    }
}

fn parent(reference: &ParentRef) -> Value {
    let ParentRef {
        name,
        namespace,
        section_name,
        port,
    } = reference;
    let optional = [
        ("namespace", namespace.as_ref().map(|text| json!(text))),
        ("sectionName", section_name.as_ref().map(|text| json!(text))),
        ("port", port.map(|port| json!(port))),
    ];
    let set = optional
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let name = ("name".to_owned(), json!(name));
    Value::Object([name].into_iter().chain(set).collect())
}
