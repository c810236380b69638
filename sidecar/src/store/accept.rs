//! New messages into the store: message, media, event and deliveries in one transaction.

use std::collections::{HashMap, HashSet};

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

/// What a run adds to the store.
#[derive(Debug, Default)]
struct Intake<'r> {
    inserts: Inserts<'r>,
    /// The ends of the lanes that it touches; looked up once something is new.
    tails: Option<HashMap<Lane, Tail>>,
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
    let mut intake = Intake::default();
    for row in &run {
        let kept = known.get(&row.hash);
        if let Some(kept) = kept
            && (!kept.placeholder || row.placeholder)
        {
            redelivery::refresh(tx, row, &kept.media).await?;
            accepted.push(kept.accepted(false));
            continue;
        }
        if intake.tails.is_none() {
            intake.tails = Some(lane::tails(tx, &lanes_of(&run)).await?);
        }
        let original = row.edits.and_then(|hash| known.get(&hash));
        let new = add(tx, row, kept, original, &mut intake).await?;
        accepted.push(new.accepted(true));
    }
    insert::all(tx, &intake.inserts).await
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
        let query = rows::list_statement(
            "SELECT key, number, message_id, placeholder, media FROM messages WHERE key IN ",
            list.len(),
            " AND tenant = ? AND session = ?",
        );
        let found = query
            .bind_all(list.iter().map(|hash| hash.to_vec()))
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

/// Adds the rows of a new message; `placeholder` is the one that it replaces, `original` the
/// message that it edits.
async fn add<'r>(
    tx: &mut Tx,
    row: &'r Row,
    placeholder: Option<&Known>,
    original: Option<&Known>,
    intake: &mut Intake<'r>,
) -> Result<Known, StoreError> {
    let message = match placeholder {
        Some(kept) => kept.number,
        None => tx.numbers.message(),
    };
    let (media, wait) = add_files(tx, row, message, original, intake).await?;
    let list = json_list(&media)?;
    announce(tx, row, message, &list, &wait, intake);
    intake.inserts.messages.push(MessageInsert {
        number: message,
        replaces: placeholder.is_some(),
        row,
        media: list,
    });
    Ok(Known {
        number: message,
        message_id: row.message_id.clone(),
        placeholder: row.placeholder,
        media,
    })
}

/// Adds the rows of a new message's files; answers all its files, linked ones too.
async fn add_files<'r>(
    tx: &mut Tx,
    row: &'r Row,
    message: i64,
    original: Option<&Known>,
    intake: &mut Intake<'r>,
) -> Result<(Vec<MediaId>, Wait), StoreError> {
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
        tx.transfers_changed |= file.is_awaited();
        intake.inserts.media.push(MediaInsert {
            number: tx.numbers.media(),
            message,
            position,
            row,
            file,
        });
    }
    Ok((media, wait))
}

/// What the event of a new message has to wait for.
#[derive(Debug, Default)]
struct Wait {
    /// Files that will be fetched without being asked for again.
    awaited: bool,
    /// What is known already: of files of an edited message, and of faulty ones.
    outcome: Option<Outcome>,
}

impl Wait {
    fn own(&mut self, file: &MediaRow) {
        self.awaited |= file.is_awaited();
        if file.is_faulty() {
            self.know(Outcome::Failed);
        }
    }

    fn linked(&mut self, status: MediaStatus) {
        match status {
            MediaStatus::Received => {}
            MediaStatus::Stored => self.know(Outcome::Stored),
            MediaStatus::Failed => self.know(Outcome::Failed),
            MediaStatus::Queued | MediaStatus::Running | MediaStatus::Waiting => {
                self.know(Outcome::Deadline);
            }
        }
    }

    /// Keeps the least happy one: what is still on its way, then what failed.
    fn know(&mut self, outcome: Outcome) {
        let rank = |outcome| match outcome {
            Outcome::Stored => 0,
            Outcome::Failed => 1,
            Outcome::Deadline => 2,
        };
        if self.outcome.is_none_or(|known| rank(known) < rank(outcome)) {
            self.outcome = Some(outcome);
        }
    }

    /// The outcome of an event that goes at once.
    fn outcome(&self) -> Option<Outcome> {
        if self.awaited {
            Some(Outcome::Deadline)
        } else {
            self.outcome
        }
    }
}

/// The event of a new message, and one delivery per endpoint that wants it.
fn announce<'r>(
    tx: &mut Tx,
    row: &'r Row,
    message: i64,
    media: &str,
    wait: &Wait,
    intake: &mut Intake<'r>,
) {
    if row.placeholder && row.endpoints.is_empty() {
        return;
    }
    let hold_until = row
        .hold_until
        .filter(|until| wait.awaited && *until > row.now);
    let held = hold_until.is_some();
    let event = tx.numbers.event();
    intake.inserts.events.push(EventInsert {
        number: event,
        message,
        row,
        hold_until,
        outcome: if held { None } else { wait.outcome() },
        done_at: (!held && row.endpoints.is_empty()).then_some(row.now),
        media: media.to_owned(),
    });
    let tails = intake.tails.get_or_insert_default();
    for endpoint in &row.endpoints {
        let lane = (endpoint.clone(), row.chat.clone());
        let number = tx.numbers.delivery();
        let opens = lane::opens(tails.get(&lane), row.now);
        let delivery = DeliveryInsert::new(number, event, &lane, opens, held);
        tails.insert(lane, delivery.tail());
        intake.inserts.deliveries.push(delivery);
    }
    tx.outbox_changed = true;
}
