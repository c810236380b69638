//! A `MediaSession` with everything it refers to, resolved to what the program runs.

use sha2::{Digest, Sha256};
use titan_crds::{
    MediaSession, Reason, TenantStorage, media_session, report::Problem,
    tenant_storage::DEFAULT_PROBE_EVERY, unsupported,
};

use super::{
    Mode, Sources, auto_persist,
    certificate::{self, Transport},
    device::{self, DeviceConfig},
    documents::{key_of, namespace_of},
    error::ConfigError,
    lookup::Lookup,
    secrets::{Missing, SecretValue},
    sending::{self, Sending},
    session::{AcceptedKeys, RateLimit, Records, SessionConfig, Storage, Transfers},
    storage,
};
use crate::{
    device::Place,
    inbound::Signature,
    store::{DatabaseUrl, SealKey},
    webhook::Endpoint,
};

/// Why a device is refused where nothing can hold it.
const NO_PROGRAM: &str = "Unsupported: it needs the program titan-whatsapp, beside this one, on the PATH, as \
                          --whatsapp-program or behind --whatsapp-socket";

/// Resolves one session.
///
/// # Errors
///
/// Standalone, everything that is missing, wrong or unsupported; in a pod these are reported in the
/// result and the session runs with what it has.
pub(super) fn resolve(
    object: &MediaSession,
    lookup: &Lookup<'_>,
    sources: &Sources,
) -> Result<SessionConfig, ConfigError> {
    let mut resolver = Resolver {
        object,
        namespace: namespace_of(&object.metadata),
        lookup,
        mode: sources.mode,
        plain_http: sources.plain_http,
        device_place: sources.device_place.as_ref(),
        missing: Vec::new(),
        unsupported: Vec::new(),
    };
    resolver.refuse_unsupported(unsupported::of_session(&object.spec))?;
    resolver.resolve()
}

struct Resolver<'a> {
    object: &'a MediaSession,
    namespace: String,
    lookup: &'a Lookup<'a>,
    mode: Mode,
    plain_http: bool,
    device_place: Option<&'a Place>,
    missing: Vec<Problem>,
    unsupported: Vec<String>,
}

impl Resolver<'_> {
    fn resolve(mut self) -> Result<SessionConfig, ConfigError> {
        let spec = &self.object.spec;
        let auth = spec.auth();
        let store = spec.store();
        let api_keys = self.keys("auth.apiKeysSecretRef", auth.api_keys_secret_ref.as_ref())?;
        let inbound_keys = self.keys(
            "auth.inboundKeysSecretRef",
            auth.inbound_keys_secret_ref.as_ref(),
        )?;
        let signature = self.signature()?;
        let transport = self.transport()?;
        let (storage, object) = self.storage()?;
        let endpoints = self.endpoints()?;
        let device = self.device()?;
        let sending = self.sending()?;
        let records = self.records(&store)?;
        let seal_key = self.seal_key(&store)?;
        let transfers = spec.transfers();
        let metadata = &self.object.metadata;
        Ok(SessionConfig {
            key: key_of(self.object),
            object: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            created_at: metadata.creation_timestamp.as_ref().map(|time| time.0),
            generation: metadata.generation.unwrap_or_default(),
            storage_generation: object
                .as_ref()
                .and_then(|object| object.metadata.generation)
                .unwrap_or_default(),
            api_keys,
            generated_key: None,
            inbound_keys,
            signature,
            storage,
            probe_every: object.map_or(DEFAULT_PROBE_EVERY, |object| object.spec.probe_every()),
            transport,
            rate_limit: spec.rate_limit.as_ref().map(|limit| RateLimit {
                requests: limit.requests,
                per: limit.per.get(),
            }),
            send_rate_limit: sending::rate_limit(spec),
            auto_persist: auto_persist::resolve(&spec.auto_persist()),
            endpoints,
            sending,
            device,
            transfers: Transfers {
                max_concurrent: transfers.max_concurrent().max(1) as usize,
                timeout: transfers.timeout(),
            },
            retention: store.retention(),
            records,
            volume_bytes: store.sqlite().map(|sqlite| sqlite.size()),
            durable_folder: store.sqlite().is_some_and(|sqlite| !sqlite.ephemeral()),
            seal_key,
            suspended: spec.suspend(),
            missing: self.missing,
            unsupported: self.unsupported,
        })
    }

    fn error(&self, field: &str, message: String) -> ConfigError {
        let name = self.object.metadata.name.as_deref().unwrap_or_default();
        let id = (self.namespace.as_str(), name);
        self.lookup
            .documents
            .wrong("MediaSession", id, &format!("spec.{field}"), message)
    }

    /// Something is not there: standalone an error, in a pod a report.
    fn report(&mut self, field: &str, missing: Missing) -> Result<(), ConfigError> {
        match self.mode {
            Mode::Standalone => Err(self.error(field, missing.message)),
            Mode::InPod => {
                self.push(field, missing);
                Ok(())
            }
        }
    }

    /// What has vanished and stays in use: told, and nothing else. Standalone nothing is recalled.
    fn report_vanished(&mut self, field: &str) {
        for missing in self.lookup.vanished() {
            self.push(field, missing);
        }
    }

    fn push(&mut self, field: &str, missing: Missing) {
        let Missing {
            reason,
            message,
            secret,
        } = missing;
        self.missing.push(Problem {
            field: format!("spec.{field}"),
            reason: reason.to_string(),
            message,
            secret,
        });
    }

    fn refuse_unsupported(&mut self, paths: Vec<&'static str>) -> Result<(), ConfigError> {
        if let (Mode::Standalone, Some(path)) = (self.mode, paths.first()) {
            return Err(self.error(
                path.trim_start_matches("spec."),
                "Unsupported: this version does not honour the field yet".to_owned(),
            ));
        }
        self.unsupported
            .extend(paths.into_iter().map(str::to_owned));
        Ok(())
    }

    fn keys(
        &mut self,
        field: &str,
        reference: Option<&titan_crds::SecretRef>,
    ) -> Result<AcceptedKeys, ConfigError> {
        let Some(reference) = reference else {
            return Ok(AcceptedKeys::default());
        };
        let values = self.lookup.secrets.all(&self.namespace, &reference.name);
        self.report_vanished(field);
        let Some(values) = values else {
            self.report(field, Missing::secret(&reference.name))?;
            return Ok(AcceptedKeys::default());
        };
        let keys = AcceptedKeys::new(values.values().map(SecretValue::bytes));
        if keys.is_empty() {
            let missing = Missing {
                reason: Reason::SecretIncomplete,
                message: format!(
                    "Secret {:?} has no value of at least {} bytes",
                    reference.name,
                    AcceptedKeys::MIN_BYTES
                ),
                secret: Some(reference.name.clone()),
            };
            self.report(field, missing)?;
        }
        Ok(keys)
    }

    fn signature(&mut self) -> Result<Option<Signature>, ConfigError> {
        match super::signature::resolve(&self.object.spec, &self.namespace, &self.lookup.secrets) {
            Ok(signature) => Ok(signature),
            Err(missing) => self
                .report("source.gateway.signature.secretRef", missing)
                .map(|()| None),
        }
    }

    fn transport(&mut self) -> Result<Transport, ConfigError> {
        const FIELD: &str = "tls.secretRef";
        let Some(tls) = &self.object.spec.tls else {
            return Ok(Transport::Plain);
        };
        let resolved = certificate::resolve(tls, &self.namespace, &self.lookup.secrets);
        self.report_vanished(FIELD);
        match resolved {
            Ok(certificate) => Ok(Transport::Tls(certificate)),
            Err(missing) => {
                self.report(FIELD, missing)?;
                Ok(Transport::Awaited)
            }
        }
    }

    fn storage(&mut self) -> Result<(Storage, Option<TenantStorage>), ConfigError> {
        const FIELD: &str = "storageRef";
        let Some(reference) = &self.object.spec.storage_ref else {
            return Ok((Storage::NotConfigured, None));
        };
        let object = match self.lookup.storage(&self.namespace, &reference.name) {
            Ok(object) => object,
            Err(missing) => {
                self.report(FIELD, missing.clone())?;
                return Ok((Storage::Unusable(missing), None));
            }
        };
        let wrong = |field: &str, message: String| {
            let id = (self.namespace.as_str(), reference.name.as_str());
            let documents = self.lookup.documents;
            documents.wrong("TenantStorage", id, field, message)
        };
        let storage = match (
            storage::resolve(&object, &self.namespace, self.lookup),
            self.mode,
        ) {
            (Ok(storage), _) => storage,
            (Err((field, message)), Mode::Standalone) => return Err(wrong(field, message)),
            (Err(fault), Mode::InPod) => Storage::Unusable(storage::unusable(fault)),
        };
        self.report_vanished(FIELD);
        if let Storage::Unusable(missing) = &storage {
            self.report(FIELD, missing.clone())?;
        }
        Ok((storage, Some(object)))
    }

    /// A webhook whose key is missing keeps its events and is not called until the key is there.
    fn endpoints(&mut self) -> Result<Vec<Endpoint>, ConfigError> {
        let mut endpoints = Vec::new();
        for (index, webhook) in self.object.spec.webhooks.iter().enumerate() {
            let field = format!("webhooks[{index}]");
            let secrets = &self.lookup.secrets;
            let resolved = super::endpoints::resolve(webhook, &self.namespace, secrets);
            self.report_vanished(&field);
            let (endpoint, missing) = resolved
                .map_err(|(name, message)| self.error(&format!("{field}.{name}"), message))?;
            if endpoint.url.scheme() != "https" && !self.plain_http {
                let message = "must be https: --allow-cidr names no range to reach over http";
                return Err(self.error(&format!("{field}.url"), message.to_owned()));
            }
            if let Some(missing) = missing {
                self.report(&field, missing)?;
            }
            endpoints.push(endpoint);
        }
        Ok(endpoints)
    }

    fn sending(&mut self) -> Result<Sending, ConfigError> {
        const FIELD: &str = "source.gateway.send";
        if self.object.spec.whatsapp().is_some() {
            return Ok(Sending::Device);
        }
        let gateway = self.object.spec.gateway();
        let Some(api) = gateway.and_then(|gateway| gateway.send) else {
            return Ok(Sending::NotConfigured);
        };
        let (session, secrets) = (self.object.api_name(), &self.lookup.secrets);
        let resolved = sending::resolve(&api, session, &self.namespace, secrets);
        self.report_vanished(FIELD);
        let sending =
            resolved.map_err(|(name, message)| self.error(&format!("{FIELD}.{name}"), message))?;
        match &sending {
            Sending::Gateway(target) if target.base.scheme() != "https" && !self.plain_http => {
                let message = "must be https: --allow-cidr names no range to reach over http";
                return Err(self.error(&format!("{FIELD}.url"), message.to_owned()));
            }
            Sending::Unusable(missing) => {
                self.report(&format!("{FIELD}.apiKeySecretRef"), missing.clone())?;
            }
            Sending::Gateway(_) | Sending::Device | Sending::NotConfigured => {}
        }
        Ok(sending)
    }

    fn device(&mut self) -> Result<Option<DeviceConfig>, ConfigError> {
        const FIELD: &str = "source.whatsapp";
        let spec = &self.object.spec;
        let Some(whatsapp) = spec.whatsapp() else {
            return Ok(None);
        };
        let mut device = device::of(whatsapp);
        match (self.device_place, self.mode) {
            (None, Mode::Standalone) => Err(self.error(FIELD, NO_PROGRAM.to_owned())),
            (None, Mode::InPod) => {
                self.unsupported.push(format!("spec.{FIELD}"));
                Ok(None)
            }
            (Some(Place::Given(_)), _) => Ok(Some(device)),
            (Some(Place::Program(_)), _) => {
                let secrets = &self.lookup.secrets;
                let found = device::look_up(&mut device, spec, &self.namespace, secrets);
                if let Err(missing) = found {
                    self.report(&format!("{FIELD}.proxy.urlSecretRef"), missing)?;
                }
                Ok(Some(device))
            }
        }
    }

    fn records(&mut self, store: &media_session::Store) -> Result<Records, ConfigError> {
        const FIELD: &str = "store.postgres.urlSecretRef";
        let Some(postgres) = &store.postgres else {
            return Ok(Records::Sqlite);
        };
        let media_session::Postgres { url_secret_ref } = postgres;
        let (name, key) = (&url_secret_ref.name, &url_secret_ref.key);
        let url = self
            .lookup
            .secrets
            .get(&self.namespace, name, key)
            .and_then(|value| {
                DatabaseUrl::parse(value.bytes())
                    .map_err(|error| Missing::invalid(name, key, &error.to_string()))
            });
        self.report_vanished(FIELD);
        match url {
            Ok(url) => Ok(Records::Postgres(url)),
            Err(missing) => {
                let unknown = Records::Unknown(missing.message.clone());
                self.report(FIELD, missing)?;
                Ok(unknown)
            }
        }
    }

    /// The named key seals; every other value of the Secret still opens.
    fn seal_key(&mut self, store: &media_session::Store) -> Result<Option<SealKey>, ConfigError> {
        const FIELD: &str = "store.encryptionKeySecretRef";
        let Some(reference) = &store.encryption_key_secret_ref else {
            return Ok(None);
        };
        let values = self.lookup.secrets.all(&self.namespace, &reference.name);
        self.report_vanished(FIELD);
        let Some(mut values) = values else {
            self.report(FIELD, Missing::secret(&reference.name))?;
            return Ok(None);
        };
        let current = values
            .remove(&reference.key)
            .filter(|value| !value.bytes().trim_ascii().is_empty());
        let Some(current) = current else {
            self.report(FIELD, Missing::key(&reference.name, &reference.key))?;
            return Ok(None);
        };
        let key =
            |value: &SecretValue| -> [u8; 32] { Sha256::digest(value.bytes().trim_ascii()).into() };
        Ok(Some(SealKey::new(key(&current), values.values().map(key))))
    }
}
