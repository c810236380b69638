//! Types and reasons of conditions. They are an interface: users wait for them, alerts match them.

use std::fmt;

macro_rules! names {
    ($(#[$docs:meta])* $name:ident { $($(#[$variant_docs:meta])* $variant:ident,)+ }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_docs])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name as it stands in a condition.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }

            /// The value of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// Types of conditions, in the form that kstatus reads.
    ConditionType {
        /// The object does what its spec says. Always present.
        Ready,
        /// Work on the object goes on. Present only while true.
        Reconciling,
        /// Nothing will change until a person changes something. Present only while true.
        Stalled,
        /// The bucket answered the last check (`TenantStorage`).
        BucketReachable,
        /// The storage is there and its bucket works (`MediaSession`).
        StorageReady,
        /// The Deployment has its pods (`MediaSession`).
        WorkloadAvailable,
        /// Every webhook can be delivered to (`MediaSession`).
        WebhooksReady,
        /// The linked device is connected (`MediaSession`).
        SessionConnected,
        /// The route or ingress is taken up (`MediaSession`).
        Exposed,
    }
}

names! {
    /// Reasons of conditions.
    Reason {
        /// All is as the spec says.
        Ready,
        /// Work has begun or goes on.
        Progressing,
        /// The session is stopped because its spec says so.
        Suspended,
        /// A Secret is not there.
        SecretNotFound,
        /// A Secret lacks a key, or the key's value is unusable.
        SecretIncomplete,
        /// A ConfigMap, or a key of it, is not there.
        ConfigMapNotFound,
        /// The address is one that the platform does not allow.
        EndpointNotAllowed,
        /// A host name has no address.
        DnsFailed,
        /// No connection came up.
        ConnectFailed,
        /// The TLS handshake failed.
        TlsFailed,
        /// The store does not know the keys, or the signature is wrong.
        InvalidCredentials,
        /// The keys are right and not allowed to do this.
        AccessDenied,
        /// There is no such bucket.
        NoSuchBucket,
        /// The bucket is in another region.
        WrongRegion,
        /// The clocks differ too much for a signature.
        ClockSkew,
        /// Temporary credentials have run out.
        CredentialsExpired,
        /// No keys were given for an identity: its token is not there, or the token service refuses it.
        IdentityRefused,
        /// The store refuses the encryption that was asked for.
        EncryptionRefused,
        /// The Secret names another bucket than before.
        BucketChanged,
        /// No answer came in time.
        Timeout,
        /// The store answered with an error of its own.
        StoreError,
        /// The `TenantStorage` is not there.
        StorageNotFound,
        /// The session has no `storageRef`.
        StorageNotConfigured,
        /// The Deployment has not the pods it should have.
        WorkloadUnavailable,
        /// The sidecar's status does not answer.
        StatusUnreachable,
        /// An object of a needed name is there and belongs to somebody else.
        NameConflict,
        /// The spec has a field that this version does not honour.
        Unsupported,
        /// The linked device is connected.
        Connected,
        /// The linked device waits for its QR image to be scanned.
        ScanQr,
        /// The linked device connects again.
        AutoReconnect,
        /// The phone unlinked the device, or it did itself.
        LoggedOut,
        /// WhatsApp locked the account for a while.
        TemporaryBan,
        /// Nobody scanned a QR image in time.
        QrTimeout,
        /// WhatsApp broke the device's connection off.
        StreamError,
        /// The same device connected from elsewhere.
        StreamReplaced,
        /// WhatsApp no longer speaks to this version of the device.
        ClientOutdated,
        /// Somebody stopped the device through the API.
        ManualStop,
        /// WhatsApp refused the device, or its keys can't be used.
        Failed,
        /// Deliveries to a webhook fail.
        WebhookFailing,
        /// A host name is not among those that the platform allows.
        HostNotAllowed,
        /// The route or ingress is not taken up yet.
        NotAccepted,
    }
}

#[cfg(test)]
mod tests {
    use super::{ConditionType, Reason};

    #[test]
    fn every_name_finds_its_value() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.as_str()), Some(*reason));
        }
        for condition in ConditionType::ALL {
            assert_eq!(
                ConditionType::from_name(&condition.to_string()),
                Some(*condition)
            );
        }
        assert_eq!(Reason::from_name("Nonsense"), None);
    }
}
