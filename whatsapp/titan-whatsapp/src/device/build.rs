//! A client of the library, made for this program.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wacore::{store::DevicePropsOverride, types::events::EventHandler};
use waproto::whatsapp::device_props::PlatformType;
use whatsapp_rust::{
    Client, RawNodeLease, TokioRuntime,
    bot::{Bot, BotBuilderError, BotHandle},
    store::SqliteStore,
    types::events::EventInterest,
};

use super::{
    dial::Dialer, ear::Ear, fetch::Fetch, hook::Hook, shared::Device, transport::Transports,
};
use crate::{config::Config, sidecar::Delivery};

/// A client that can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// What the library needs is not there.
    #[error("the library can't start")]
    Library(#[from] BotBuilderError),
    /// TLS.
    #[error("TLS can't be set up")]
    Tls(#[from] rustls::Error),
}

/// A client that runs until its first connection ends.
pub(crate) struct Built {
    pub(crate) client: Arc<Client>,
    pub(crate) ear: Arc<Ear>,
    /// Its first run.
    pub(crate) handle: BotHandle,
    /// To be cancelled before it is disconnected.
    pub(crate) ended: CancellationToken,
    _stanzas: RawNodeLease,
}

/// Makes one and lets it run. It never connects again by itself: that is the supervisor's to decide.
pub(crate) async fn build(
    config: &Config,
    device: &Arc<Device>,
    delivery: &Delivery,
    store: SqliteStore,
) -> Result<Built, BuildError> {
    let ended = CancellationToken::new();
    let (unguarded, messages) = mpsc::unbounded_channel();
    tokio::spawn(pass_on(delivery.clone(), messages));
    let ear = Arc::new(Ear::new(Arc::clone(device), config.mark_online, unguarded));

    let dialer = Arc::new(Dialer::new(config.proxy_url_file.clone())?);
    let props = DevicePropsOverride::new()
        .with_os(&config.device_name)
        .with_platform_type(PlatformType::DESKTOP);
    let bot = Bot::builder()
        .with_backend(store)
        .with_transport_factory(Transports::new(
            config.endpoint.as_deref(),
            Arc::clone(&dialer),
        ))
        .with_http_client(Fetch::new(dialer))
        .with_runtime(TokioRuntime)
        .with_version(config.client_version)
        .with_device_props(props)
        .with_inbound_durability_hook(Hook {
            delivery: delivery.clone(),
            ended: ended.clone(),
            history: config.history,
        })
        // Notifications of history come by the hook: see ../wacore.
        .skip_history_sync()
        .build()
        .await?;
    let client = bot.client();
    client
        .enable_auto_reconnect
        .store(false, std::sync::atomic::Ordering::Relaxed);
    let interest: EventInterest = ear.interest();
    client
        .subscribe(interest, Arc::clone(&ear) as Arc<dyn EventHandler>)
        .detach();
    let stanzas = client.acquire_raw_node_forwarding();
    Ok(Built {
        ear,
        ended,
        handle: bot.spawn(),
        client,
        _stanzas: stanzas,
    })
}

/// Brings the sidecar what the library acknowledges without asking: newsletters, and messages that the phone repeated.
async fn pass_on(
    delivery: Delivery,
    mut messages: mpsc::UnboundedReceiver<Vec<wacore::types::events::InboundMessage>>,
) {
    while let Some(batch) = messages.recv().await {
        if let Err(error) = delivery.deliver(&batch).await {
            tracing::error!(%error, "messages can't be written");
        }
    }
}
