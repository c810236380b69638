//! The only writer of children: all at once, the Deployment last, and then away with what is no longer wanted.

use std::marker::PhantomData;

use k8s_openapi::api::{
    core::v1::Secret,
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use kube::{Api, api::PostParams};
use titan_crds::MediaSession;

use super::{
    Error,
    build::{self, HttpRoute, Prepared, Resources},
    dereference::{Facts, missing_secrets, remember},
    memory::{Act, Memory},
    refresh,
    validate::{ApiKey, ValidatedSession},
};
use crate::{
    apply::{Applied, Applier, ApplyError, Child},
    context::Context,
    names::SESSION_MANAGER,
};

/// What is written, and with what in hand.
pub(super) struct Writer<'a> {
    pub(super) context: &'a Context,
    pub(super) memory: &'a Memory,
    pub(super) session: &'a ValidatedSession,
    /// The Deployment is left as it is: the upgrade of the fleet has yet to come to it.
    pub(super) hold: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) resources: Resources<build::Applied>,
    /// The documents changed: the pods shall see it soon.
    pub(super) documents_changed: bool,
}

impl Writer<'_> {
    /// Brings every child to its state.
    pub(super) async fn apply(&self, prepared: Resources<Prepared>) -> Result<Outcome, ApplyError> {
        let applier = Applier {
            client: &self.context.client,
            ledger: &self.context.ledger,
            manager: SESSION_MANAGER,
            owner: &self.session.owner,
        };
        let kept = prepared.clone();
        let Resources {
            config_map,
            volume_claim,
            service,
            network_policy,
            http_route,
            ingress,
            disruption_budget,
            deployment,
            state: PhantomData,
        } = prepared;
        let child = self.session.child.as_str();
        let claimed = async {
            if let Some(volume_claim) = volume_claim
                && let Applied::Written(claim) = applier.apply(&volume_claim).await?
            {
                remember(self.memory, &self.session.owner, &claim);
            }
            Ok::<_, ApplyError>(())
        };
        let routed = async {
            if self.memory.has_gateway_api() {
                bring::<HttpRoute>(&applier, child, http_route).await?;
            }
            Ok(())
        };
        // At once, because a session is there only with all of them, and each is a round trip. Each to its end, also
        // where another is refused: a write that is broken off is there, and nobody has noted it.
        let (documents, claimed, service, policy, budget, ingress, route) = tokio::join!(
            applier.apply(&config_map),
            claimed,
            applier.apply(&service),
            bring::<NetworkPolicy>(&applier, child, network_policy),
            bring::<PodDisruptionBudget>(&applier, child, disruption_budget),
            bring::<Ingress>(&applier, child, ingress),
            routed,
        );
        let documents = documents?;
        service?;
        claimed.and(policy).and(budget).and(ingress).and(route)?;
        if !self.hold
            && let Applied::Written(deployment) = applier.apply(&deployment).await?
        {
            self.context.workloads.set(&deployment);
        }
        Ok(Outcome {
            documents_changed: matches!(documents, Applied::Written(_)),
            resources: kept.into_applied(),
        })
    }

    /// Makes the API-key Secret: where the status names none, and again where the sidecar says that it is gone. It can't
    /// be looked at, and need not be: its name has a piece of the session's uid.
    pub(super) async fn api_key(
        &self,
        object: &MediaSession,
        facts: &Facts,
        random: [u8; 32],
    ) -> Result<(), Error> {
        let ApiKey::Created(name) = &self.session.api_key else {
            return Ok(());
        };
        let owner = &self.session.owner;
        let told = facts.status.api_key_secret.as_ref() == Some(name);
        let now = self.context.clock.now();
        let lost = || {
            missing_secrets(&facts.seen, owner).contains(name)
                && refresh::is_due(self.memory.last(Act::ApiKey, &owner.uid), now)
        };
        if told && !lost() {
            return Ok(());
        }
        self.memory.done(Act::ApiKey, &owner.uid, now);
        let secret = build::api_key(self.session, name, random);
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), &owner.namespace);
        let parameters = PostParams {
            field_manager: Some(SESSION_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.create(&parameters, &secret).await {
            Ok(_) if told => {
                let note = format!("Secret \"{name}\" was gone; a new API key is in its place");
                let events = &self.context.events;
                events
                    .warning(object, "ApiKeyRecreated", "Create", &note)
                    .await;
                Ok(())
            }
            Ok(_) => Ok(()),
            // Made before; the kubelet has yet to bring it, or the status has yet to name it.
            Err(kube::Error::Api(status))
                if status.code == 409 && status.reason == "AlreadyExists" =>
            {
                Ok(())
            }
            Err(source) => Err(Error::ApiKey {
                name: name.clone(),
                source: Box::new(source),
            }),
        }
    }
}

/// Applies a child, or deletes the one of that name where there shall be none.
async fn bring<K>(applier: &Applier<'_>, child: &str, wanted: Option<K>) -> Result<(), ApplyError>
where
    K: Child,
{
    match wanted {
        Some(wanted) => drop(applier.apply(&wanted).await?),
        None => drop(applier.delete::<K>(child).await?),
    }
    Ok(())
}
