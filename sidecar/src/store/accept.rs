//! New messages into the store: message, media, event and deliveries in one transaction.

use std::collections::{HashMap, HashSet};

use sqlx::Row as _;

use super::error::StoreError;
use super::ids::KeyHash;
use super::insert::{self, DeliveryInsert, EventInsert, Inserts, MediaInsert, MessageInsert};
use super::lane::{self, Lane, Tail};
use super::model::{Accepted, MediaStatus, Outcome};
use super::prepare::{MediaRow, Row, json_list};
use super::writer::Tx;
use super::{redelivery, rows};
use crate::message::MediaId;

/// A message that the store has.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) number: i64,
    pub(super) message_id: String,
    pub(super) placeholder: bool,
    pub(super) media: Vec<MediaId>,
}

impl Known {
    fn accepted(&self, new: bool) -> Accepted {
        let of_message = |id: &MediaId| (id.clone(), self.message_id.clone());
        Accepted {
            new,
            media: self.media.iter().map(of_message).collect(),
        }
    }
}

/// Takes `messages` in order. Those of one run go in with one statement per table; a run ends
/// before a message that repeats or edits one of the same run.
pub(super) async fn accept(tx: &mut Tx, messages: Vec<Row>) -> Result<Vec<Accepted>, StoreError> {
    let mut accepted = Vec::with_capacity(messages.len());
    let mut run = Vec::new();
    let mut seen: HashSet<KeyHash> = HashSet::new();
    for row in messages {
        let meets = |hash: &KeyHash| seen.contains(hash);
        if meets(&row.hash) || row.edits.as_ref().is_some_and(meets) {
            take_run(tx, std::mem::take(&mut run), &mut accepted).await?;
            seen.clear();
        }
        seen.insert(row.hash);
        run.push(row);
    }
    take_run(tx, run, &mut accepted).await?;
    Ok(accepted)
}

async fn take_run(
    tx: &mut Tx,
    run: Vec<Row>,
    accepted: &mut Vec<Accepted>,
) -> Result<(), StoreError> {
    let hashes: Vec<KeyHash> = run
        .iter()
        .flat_map(|row| std::iter::once(row.hash).chain(row.edits))
        .collect();
    let known = find(tx, &hashes).await?;
    let mut inserts = Inserts::default();
    let mut lanes = None;
    for row in &run {
        if let Some(kept) = known.get(&row.hash)
            && (!kept.placeholder || row.placeholder)
        {
            redelivery::refresh(tx, row, &kept.media).await?;
            accepted.push(kept.accepted(false));
            continue;
        }
        if lanes.is_none() {
            lanes = Some(lane::tails(tx, &lanes_of(&run)).await?);
        }
        let tails = lanes.get_or_insert_default();
        let replaces = known.get(&row.hash).map(|kept| kept.number);
        let original = row.edits.and_then(|hash| known.get(&hash));
        let new = add(tx, row, replaces, original, tails, &mut inserts).await?;
        accepted.push(new.accepted(true));
    }
    insert::all(tx, &inserts).await
}

/// The lanes that a run touches, each once.
fn lanes_of(run: &[Row]) -> Vec<Lane> {
    let lanes: HashSet<Lane> = run
        .iter()
        .flat_map(|row| {
            let lane = |endpoint: &String| (endpoint.clone(), row.chat.clone());
            row.endpoints.iter().map(lane)
        })
        .collect();
    lanes.into_iter().collect()
}

/// Which of these messages the store has.
pub(super) async fn find(
    tx: &mut Tx,
    hashes: &[KeyHash],
) -> Result<HashMap<KeyHash, Known>, StoreError> {
    let mut known = HashMap::new();
    for list in rows::lists(hashes) {
        let mut query = rows::list_statement(
            "SELECT key, number, message_id, placeholder, media FROM messages WHERE key IN ",
            list.len(),
            " AND tenant = ? AND session = ?",
        );
        for hash in &list {
            query = query.bind(hash.to_vec());
        }
        let found = query
            .bind(tx.session.tenant.clone())
            .bind(tx.session.session.clone())
            .fetch_all(&mut tx.conn)
            .await?;
        for row in found {
            let unreadable = |column| StoreError::Unreadable { column };
            let hash: Vec<u8> = row.try_get(0)?;
            let hash = KeyHash::try_from(hash).map_err(|_| unreadable("messages.key"))?;
            let media: String = row.try_get(4)?;
            let kept = Known {
                number: row.try_get(1)?,
                message_id: row.try_get(2)?,
                placeholder: row.try_get(3)?,
                media: super::read::media_ids(&media)?,
            };
            known.insert(hash, kept);
        }
    }
    Ok(known)
}

/// Adds the rows of a new message to `inserts`.
async fn add<'r>(
    tx: &mut Tx,
    row: &'r Row,
    replaces: Option<i64>,
    original: Option<&Known>,
    tails: &mut HashMap<Lane, Tail>,
    inserts: &mut Inserts<'r>,
) -> Result<Known, StoreError> {
    let message = replaces.unwrap_or_else(|| tx.numbers.message());
    let mut media = Vec::with_capacity(row.media.len());
    let mut wait = Wait::default();
    for (position, file) in row.media.iter().enumerate() {
        let link = match original {
            Some(original) => redelivery::same_file(tx, file, &original.media).await?,
            None => None,
        };
        if let Some(link) = link {
            wait.linked(link.status);
            media.push(link.id);
            continue;
        }
        wait.own(file);
        media.push(file.id.clone());
        let number = tx.numbers.media();
        tx.transfers_changed |= file.is_awaited();
        inserts.media.push(MediaInsert {
            number,
            message,
            position,
            row,
            file,
        });
    }
    let known = Known {
        number: message,
        message_id: row.message_id.clone(),
        placeholder: row.placeholder,
        media,
    };
    let media = json_list(&known.media)?;
    inserts.messages.push(MessageInsert {
        number: message,
        replaces: replaces.is_some(),
        row,
        media: media.clone(),
    });
    announce(tx, row, message, media, &wait, tails, inserts);
    Ok(known)
}

/// What the event of a new message has to wait for.
#[derive(Debug, Default)]
struct Wait {
    /// Files that will be fetched without being asked for again.
    awaited: bool,
    /// Files of an edited message that are on their way already.
    on_its_way: bool,
    failed: bool,
    stored: bool,
}

impl Wait {
    fn own(&mut self, file: &MediaRow) {
        self.awaited |= file.is_awaited();
        self.failed |= file.is_faulty();
    }

    fn linked(&mut self, status: MediaStatus) {
        match status {
            MediaStatus::Stored => self.stored = true,
            MediaStatus::Failed => self.failed = true,
            MediaStatus::Received => {}
            MediaStatus::Queued | MediaStatus::Running | MediaStatus::Waiting => {
                self.on_its_way = true;
            }
        }
    }

    /// The outcome of an event that goes at once.
    fn outcome(&self) -> Option<Outcome> {
        if self.awaited || self.on_its_way {
            Some(Outcome::Deadline)
        } else if self.failed {
            Some(Outcome::Failed)
        } else {
            self.stored.then_some(Outcome::Stored)
        }
    }
}

/// The event of a new message, and one delivery per endpoint that wants it.
fn announce<'r>(
    tx: &mut Tx,
    row: &'r Row,
    message: i64,
    media: String,
    wait: &Wait,
    tails: &mut HashMap<Lane, Tail>,
    inserts: &mut Inserts<'r>,
) {
    if row.placeholder && row.endpoints.is_empty() {
        return;
    }
    let hold_until = row
        .hold_until
        .filter(|until| wait.awaited && *until > row.now);
    let held = hold_until.is_some();
    let event = tx.numbers.event();
    inserts.events.push(EventInsert {
        number: event,
        message,
        row,
        hold_until,
        outcome: if held { None } else { wait.outcome() },
        done_at: (!held && row.endpoints.is_empty()).then_some(row.now),
        media,
    });
    for endpoint in &row.endpoints {
        let lane = (endpoint.clone(), row.chat.clone());
        let delivery = DeliveryInsert::behind(
            tx.numbers.delivery(),
            event,
            &lane,
            tails.get(&lane),
            held,
            row.now,
        );
        tails.insert(lane, delivery.tail());
        inserts.deliveries.push(delivery);
    }
    tx.outbox_changed = true;
}
