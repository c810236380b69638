//! Keeps all but one of several replicas up while nodes are drained. A single one may always go: a budget for it would
//! block the drain for ever.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::{deployment::selector, metadata};
use crate::session::validate::ValidatedSession;

pub(super) fn build(session: &ValidatedSession) -> Option<PodDisruptionBudget> {
    (session.replicas > 1).then(|| PodDisruptionBudget {
        metadata: metadata(session),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(selector(session)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
