//! The way in from outside: whether somebody has taken it up, and what is known of its address.

use serde_json::Value;
use titan_crds::Reason;

use super::{Finding, View};
use crate::session::{
    build::HttpRoute,
    validate::{Exposure, ValidatedSession},
};

/// The route or ingress as it is on the API server.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Route {
    /// There is none.
    #[default]
    None,
    /// The cluster does not have the Gateway API.
    NoGatewayApi,
    /// The status of an `HTTPRoute`, as its Gateways wrote it.
    HttpRoute(Option<Value>),
    /// An Ingress, and whether a controller has given it an address.
    Ingress {
        /// It has one.
        admitted: bool,
    },
}

/// Whether the way in is taken up; `None` where none is wanted.
pub(super) fn finding(view: &View<'_>) -> Option<Finding> {
    let not_accepted = |why: &str| Finding::Bad(Reason::NotAccepted, why.to_owned());
    Some(match (&view.session.exposure, &view.seen.route) {
        (Exposure::None, _) => return None,
        (Exposure::Refused(hosts), _) => Finding::Bad(
            Reason::HostNotAllowed,
            format!(
                "the platform does not allow {} in namespace {}",
                hosts.join(", "),
                view.session.owner.namespace
            ),
        ),
        (Exposure::HttpRoute(_), Route::NoGatewayApi) => {
            not_accepted("the cluster does not have the Gateway API's HTTPRoute")
        }
        (Exposure::HttpRoute(_), Route::HttpRoute(status)) => of_parents(status.as_ref()),
        (Exposure::Ingress(_), Route::Ingress { admitted: true }) => {
            Finding::good(Reason::Ready, "the Ingress has an address")
        }
        (Exposure::Ingress(_), Route::Ingress { .. }) => {
            not_accepted("no controller has given the Ingress an address")
        }
        (Exposure::HttpRoute(_) | Exposure::Ingress(_), _) => {
            Finding::Pending("the route has yet to show".to_owned())
        }
    })
}

/// Address from outside the cluster, where it is known: the scheme of a Gateway's listener is not.
pub(super) fn external_url(session: &ValidatedSession) -> Option<String> {
    let (scheme, host) = match &session.exposure {
        Exposure::Ingress(ingress) if ingress.tls_secret_name.is_some() => ("https", &ingress.host),
        Exposure::Ingress(ingress) => ("http", &ingress.host),
        Exposure::HttpRoute(route) => {
            let scheme = match route.parent_refs.first()?.port? {
                443 => "https",
                80 => "http",
                _ => return None,
            };
            (scheme, route.hostnames.first()?)
        }
        Exposure::None | Exposure::Refused(_) => return None,
    };
    (!host.starts_with('*')).then(|| format!("{scheme}://{host}"))
}

/// Every Gateway must have accepted the route and found its Service.
fn of_parents(status: Option<&Value>) -> Finding {
    let parents = status
        .and_then(|status| status.get("parents"))
        .and_then(Value::as_array);
    let Some(parents) = parents.filter(|parents| !parents.is_empty()) else {
        return Finding::Bad(
            Reason::NotAccepted,
            format!(
                "no Gateway has taken up the {}",
                <HttpRoute as k8s_openapi::Resource>::KIND
            ),
        );
    };
    let refusal = parents.iter().find_map(|parent| {
        ["Accepted", "ResolvedRefs"]
            .into_iter()
            .find_map(|type_| refusal(parent, type_))
    });
    match refusal {
        Some(why) => Finding::Bad(Reason::NotAccepted, why),
        None => Finding::good(Reason::Ready, "every Gateway has taken up the route"),
    }
}

fn refusal(parent: &Value, type_: &str) -> Option<String> {
    let text = |value: &Value, key: &str| {
        let text = value.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let name = parent
        .pointer("/parentRef/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let conditions = parent.get("conditions").and_then(Value::as_array);
    let condition = conditions
        .into_iter()
        .flatten()
        .find(|condition| text(condition, "type") == type_);
    match condition {
        Some(condition) if text(condition, "status") == "True" => None,
        Some(condition) => Some(format!(
            "Gateway {name}: {}: {}",
            text(condition, "reason"),
            text(condition, "message")
        )),
        None => Some(format!("Gateway {name} has yet to say that it is {type_}")),
    }
}
