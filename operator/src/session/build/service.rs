//! The Service: where gateways post and applications call.

use k8s_openapi::{
    api::core::v1::{Service, ServicePort, ServiceSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{API_PORT, deployment::selector, metadata};
use crate::session::validate::ValidatedSession;

pub(super) fn build(session: &ValidatedSession) -> Service {
    Service {
        metadata: metadata(session),
        spec: Some(ServiceSpec {
            selector: Some(selector(session)),
            ports: Some(vec![ServicePort {
                name: Some("http".to_owned()),
                app_protocol: Some(scheme(session).to_owned()),
                port: API_PORT,
                protocol: Some("TCP".to_owned()),
                // By number: an init container may serve it.
                target_port: Some(IntOrString::Int(API_PORT)),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// Address of the API within the cluster; `None` for a Service that has no port.
#[must_use]
pub fn url(service: &Service) -> Option<String> {
    let port = service.spec.as_ref()?.ports.as_ref()?.first()?;
    let scheme = port.app_protocol.as_deref()?;
    let (name, namespace) = (
        service.metadata.name.as_ref()?,
        service.metadata.namespace.as_ref()?,
    );
    Some(format!("{scheme}://{name}.{namespace}.svc:{}", port.port))
}

const fn scheme(session: &ValidatedSession) -> &'static str {
    if session.tls { "https" } else { "http" }
}

/// What is reached from outside the cluster: the session's own routes.
pub(super) fn path(session: &ValidatedSession) -> String {
    format!("/api/sessions/{}/", session.api_name)
}
