//! A linked device of somebody else: plain whatsapp-rust, its keys in memory.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use async_trait::async_trait;
use tokio::{
    sync::{Mutex, mpsc},
    time::{sleep, timeout},
};
use wacore::{store::InMemoryBackend, types::events::InboundMessage};
use waproto::whatsapp::Message;
use whatsapp_rust::{
    Jid, SendOptions, TokioRuntime,
    bot::{Bot, BotHandle},
    http::{HttpClient, HttpRequest, HttpResponse},
    transport::TokioWebSocketTransportFactory,
    types::events::Event,
};

use crate::{Relay, state::LONGEST};

/// Between two questions while nobody answers.
const RECHECK: Duration = Duration::from_millis(50);

/// Nothing is fetched over HTTP here.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, _request: HttpRequest) -> Result<HttpResponse> {
        anyhow::bail!("no HTTP in tests")
    }
}

/// The device.
#[allow(missing_debug_implementations, reason = "what it holds is keys")]
pub struct Peer {
    phone: String,
    handle: BotHandle,
    messages: Mutex<mpsc::UnboundedReceiver<InboundMessage>>,
}

impl Peer {
    /// Links a device to a phone and waits until others can write to it.
    pub async fn link(relay: &Relay, phone: &str) -> Result<Self> {
        let (heard, messages) = mpsc::unbounded_channel();
        let (shown, mut codes) = mpsc::unbounded_channel();
        let bot = Bot::builder()
            .with_backend_arc(Arc::new(InMemoryBackend::new()))
            .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(relay.url()))
            .with_http_client(NoHttp)
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 1))
            .with_wanted_pre_key_count(10)
            .with_push_name(format!("Peer {phone}"))
            .skip_history_sync()
            .on_event(move |event, _client| {
                let (heard, shown) = (heard.clone(), shown.clone());
                async move {
                    // The test may have ended.
                    match &*event {
                        Event::PairingQrCode(qr) => drop(shown.send(qr.code.clone())),
                        Event::Messages(batch) => batch
                            .iter()
                            .for_each(|message| drop(heard.send(message.clone()))),
                        _ => {}
                    }
                }
            })
            .build()
            .await?;
        let handle = bot.spawn();
        let code = codes.recv().await.context("no code to scan")?;
        relay.scan(phone, &code)?;
        relay.listening(phone).await;
        Ok(Self {
            phone: phone.to_owned(),
            handle,
            messages: Mutex::new(messages),
        })
    }

    /// The phone's number.
    #[must_use]
    pub fn phone(&self) -> &str {
        &self.phone
    }

    /// Sends a message to a number, under an id.
    pub async fn send(&self, to: &str, id: &str, message: Message) -> Result<()> {
        let to = Jid::pn(to);
        self.devices_known(&to).await?;
        self.send_to(to, id, message).await
    }

    /// Waits until it is known which devices there are to write to. After linking the library connects twice; a message in
    /// between goes to the phone alone, and here nobody has that.
    async fn devices_known(&self, of: &Jid) -> Result<()> {
        let client = self.handle.client();
        let known = async {
            while client
                .signal()
                .get_user_devices(std::slice::from_ref(of))
                .await
                .is_err()
            {
                sleep(RECHECK).await;
            }
        };
        timeout(LONGEST, known)
            .await
            .context("nobody says which devices there are")
    }

    /// Sends a message to everybody in a group, under an id.
    pub async fn send_to_group(&self, group: &str, id: &str, message: Message) -> Result<()> {
        self.send_to(Jid::group(group), id, message).await
    }

    async fn send_to(&self, to: Jid, id: &str, message: Message) -> Result<()> {
        let options = SendOptions::default().with_message_id(id);
        self.handle
            .client()
            .send_message_with_options(to, message, options)
            .await?;
        Ok(())
    }

    /// The next message that arrived and could be read: its id and what it says.
    pub async fn next(&self) -> Result<(String, Arc<Message>)> {
        self.next_within(LONGEST).await?.context("nothing came")
    }

    /// The same, or `None` when nothing comes for so long.
    pub async fn next_within(&self, patience: Duration) -> Result<Option<(String, Arc<Message>)>> {
        let next = timeout(patience, async { self.messages.lock().await.recv().await });
        let Ok(next) = next.await else {
            return Ok(None);
        };
        let message = next.context("the device is gone")?;
        Ok(Some((message.info.id.clone(), message.message)))
    }
}
