//! A `MediaSession` with everything it refers to, resolved to what the program runs.

use sha2::{Digest, Sha256};
use titan_crds::{MediaSession, media_session};

use super::{
    Mode, Sources,
    documents::{Documents, namespace_of},
    error::ConfigError,
    secrets::{Missing, SecretValue, Secrets},
    session::{AcceptedKeys, AutoPersist, Chats, SessionConfig, Storage, Transfers},
    storage, unsupported,
};
use crate::{
    inbound::Signature, media::MediaKind, message::SessionKey, store::SealKey, webhook::Endpoint,
};

/// Resolves one session.
///
/// # Errors
///
/// Standalone, everything that is missing, wrong or unsupported; in a pod these are reported in the
/// result and the session runs with what it has.
pub(super) fn resolve(
    object: &MediaSession,
    documents: &Documents,
    secrets: &Secrets<'_>,
    sources: &Sources,
) -> Result<SessionConfig, ConfigError> {
    let mut resolver = Resolver {
        object,
        namespace: namespace_of(&object.metadata),
        documents,
        secrets,
        mode: sources.mode,
        plain_http: sources.plain_http,
        missing: Vec::new(),
        unsupported: Vec::new(),
    };
    resolver.refuse_unsupported(unsupported::of_session(&object.spec))?;
    resolver.resolve()
}

struct Resolver<'a> {
    object: &'a MediaSession,
    namespace: String,
    documents: &'a Documents,
    secrets: &'a Secrets<'a>,
    mode: Mode,
    plain_http: bool,
    missing: Vec<String>,
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
        let (storage, storage_generation) = self.storage()?;
        let endpoints = self.endpoints()?;
        let seal_key = self.seal_key(&store)?;
        let transfers = spec.transfers();
        Ok(SessionConfig {
            key: SessionKey {
                tenant: self.namespace.clone(),
                session: self.object.api_name().to_owned(),
            },
            object: self.object.metadata.name.clone().unwrap_or_default(),
            generation: self.object.metadata.generation.unwrap_or_default(),
            storage_generation,
            api_keys,
            generated_key: None,
            inbound_keys,
            signature,
            storage,
            auto_persist: auto_persist(&spec.auto_persist()),
            endpoints,
            transfers: Transfers {
                max_concurrent: transfers.max_concurrent().max(1) as usize,
                timeout: transfers.timeout(),
            },
            retention: store.retention(),
            volume_bytes: store.sqlite().map(|sqlite| sqlite.size()),
            seal_key,
            suspended: spec.suspend(),
            missing: self.missing,
            unsupported: self.unsupported,
        })
    }

    fn error(&self, field: &str, message: String) -> ConfigError {
        let name = self.object.metadata.name.as_deref().unwrap_or_default();
        let id = (self.namespace.as_str(), name);
        self.documents
            .wrong("MediaSession", id, &format!("spec.{field}"), message)
    }

    /// Something is not there: standalone an error, in a pod a report.
    fn report(&mut self, field: &str, missing: Missing) -> Result<(), ConfigError> {
        match self.mode {
            Mode::Standalone => Err(self.error(field, missing.message)),
            Mode::InPod => {
                self.missing
                    .push(format!("{}: {}", missing.reason, missing.message));
                Ok(())
            }
        }
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
        let Some(values) = self.secrets.all(&self.namespace, &reference.name) else {
            self.report(field, Missing::secret(&reference.name))?;
            return Ok(AcceptedKeys::default());
        };
        let keys = AcceptedKeys::new(values.values().map(SecretValue::bytes));
        if keys.is_empty() {
            let missing = Missing {
                reason: "SecretIncomplete",
                message: format!(
                    "Secret {:?} has no value of at least {} bytes",
                    reference.name,
                    AcceptedKeys::MIN_BYTES
                ),
            };
            self.report(field, missing)?;
        }
        Ok(keys)
    }

    fn signature(&mut self) -> Result<Option<Signature>, ConfigError> {
        match super::signature::resolve(&self.object.spec, &self.namespace, self.secrets) {
            Ok(signature) => Ok(signature),
            Err(missing) => self
                .report("source.gateway.signature.secretRef", missing)
                .map(|()| None),
        }
    }

    fn storage(&mut self) -> Result<(Storage, i64), ConfigError> {
        let Some(reference) = &self.object.spec.storage_ref else {
            return Ok((Storage::NotConfigured, 0));
        };
        let id = (self.namespace.clone(), reference.name.clone());
        let Some(object) = self.documents.storages.get(&id) else {
            let missing = Missing {
                reason: "StorageNotFound",
                message: format!("TenantStorage {:?} is not there", reference.name),
            };
            let unusable = Storage::Unusable {
                reason: missing.reason,
                message: missing.message.clone(),
            };
            self.report("storageRef", missing)?;
            return Ok((unusable, 0));
        };
        let fields = unsupported::of_storage(&object.spec);
        let wrong = |field: &str, message: String| {
            let id = (self.namespace.as_str(), reference.name.as_str());
            self.documents.wrong("TenantStorage", id, field, message)
        };
        let resolved =
            storage::resolve(&object.spec, &self.namespace, self.documents, self.secrets);
        let storage = match (resolved, self.mode) {
            (Ok(storage), _) => storage,
            (Err((field, message)), Mode::Standalone) => return Err(wrong(&field, message)),
            (Err((field, message)), Mode::InPod) => Storage::Unusable {
                reason: "InvalidConfiguration",
                message: format!("{field} {message}"),
            },
        };
        if let (Mode::Standalone, Some(path)) = (self.mode, fields.first()) {
            let message = "Unsupported: this version does not honour the field yet";
            return Err(wrong(path, message.to_owned()));
        }
        self.unsupported.extend(
            fields
                .into_iter()
                .map(|path| format!("TenantStorage/{}: {path}", reference.name)),
        );
        if let Storage::Unusable { reason, message } = &storage {
            let (reason, message) = (*reason, message.clone());
            self.report("storageRef", Missing { reason, message })?;
        }
        Ok((storage, object.metadata.generation.unwrap_or_default()))
    }

    /// A webhook whose key is missing keeps its events and is not called until the key is there.
    fn endpoints(&mut self) -> Result<Vec<Endpoint>, ConfigError> {
        let mut endpoints = Vec::new();
        for (index, webhook) in self.object.spec.webhooks.iter().enumerate() {
            let field = format!("webhooks[{index}]");
            let resolved = super::endpoints::resolve(webhook, &self.namespace, self.secrets);
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

    /// The named key seals; every other value of the Secret still opens.
    fn seal_key(&mut self, store: &media_session::Store) -> Result<Option<SealKey>, ConfigError> {
        const FIELD: &str = "store.encryptionKeySecretRef";
        let Some(reference) = &store.encryption_key_secret_ref else {
            return Ok(None);
        };
        let Some(mut values) = self.secrets.all(&self.namespace, &reference.name) else {
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

fn auto_persist(spec: &media_session::AutoPersist) -> AutoPersist {
    let chats = spec.chats();
    AutoPersist {
        enabled: spec.enabled(),
        kinds: spec.kinds().iter().copied().map(kind).collect(),
        max_bytes: spec.max_bytes(),
        include_sent: spec.include_sent(),
        hold_webhook: spec.hold_webhook(),
        chats: Chats {
            direct: chats.direct(),
            group: chats.group(),
            newsletter: chats.newsletter(),
            status: chats.status(),
        },
    }
}

fn kind(kind: media_session::MediaKind) -> MediaKind {
    use media_session::MediaKind as Spec;
    match kind {
        Spec::Image => MediaKind::Image,
        Spec::Video => MediaKind::Video,
        Spec::Audio => MediaKind::Audio,
        Spec::Document => MediaKind::Document,
        Spec::Sticker => MediaKind::Sticker,
    }
}
