//! The way in through an Ingress: the session's own path and nothing beside it.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use titan_crds::media_session;

use super::{metadata, service};
use crate::session::validate::ValidatedSession;

pub(super) fn build(session: &ValidatedSession, expose: &media_session::Ingress) -> Ingress {
    let path = HTTPIngressPath {
        path: Some(service::path(session)),
        path_type: "Prefix".to_owned(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: session.child.to_string(),
                port: Some(ServiceBackendPort {
                    name: Some("http".to_owned()),
                    ..ServiceBackendPort::default()
                }),
            }),
            ..IngressBackend::default()
        },
    };
    let tls = expose.tls_secret_name.clone().map(|secret| {
        vec![IngressTLS {
            hosts: Some(vec![expose.host.clone()]),
            secret_name: Some(secret),
        }]
    });
    Ingress {
        metadata: metadata(session),
        spec: Some(IngressSpec {
            ingress_class_name: expose.class_name.clone(),
            rules: Some(vec![IngressRule {
                host: Some(expose.host.clone()),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            tls,
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    }
}
