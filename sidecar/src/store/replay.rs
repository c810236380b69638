//! Delivering again what was delivered or given up, under the same event id.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::error::StoreError;
use super::lane::{self, Tail};
use super::writer::Tx;
use super::{Store, announce, prune, sql};

/// Events looked at in one go. There is no index of event ids, which every insert would pay
/// for; a replay is rare, and looks through the events in steps that nobody notices.
const WINDOW: i64 = 4096;

/// Events replayed in one transaction.
const STEP: usize = 64;

/// Which deliveries go again.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Of which events.
    pub events: ReplayedEvents,
    /// Those that were given up.
    pub dead: bool,
    /// Those that the endpoint has.
    pub delivered: bool,
    /// To whom.
    pub audience: Audience,
}

/// Events to replay.
#[derive(Debug, Clone)]
pub enum ReplayedEvents {
    /// The one of this id.
    Id(String),
    /// Those that came about at or after the first and before the second.
    Between(Timestamp, Timestamp),
}

/// Tells which endpoints want an event of a name.
pub type Wanting = Arc<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// The endpoints that a replay may reach.
#[derive(Clone)]
pub struct Audience {
    /// Ids of the endpoints.
    pub endpoints: HashSet<String>,
    /// Which of them get what was given up because its endpoint left the configuration: those that
    /// want it now. `None`: nobody.
    pub heirs: Option<Wanting>,
}

/// What a replay came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events that were found.
    pub events: u64,
    /// Deliveries that were queued.
    pub queued: u64,
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.endpoints).finish()
    }
}

impl Store {
    /// Queues deliveries again, each chat's in their old order. What waits already is left alone, so
    /// that a second call adds nothing while the first one's are on their way.
    pub async fn replay(&self, replay: Replay, now: Timestamp) -> Result<Replayed, StoreError> {
        let now = now.as_millisecond();
        let (replay, last) = (Arc::new(replay), self.last_event().await?);
        let (mut total, mut after) = (Replayed::default(), 0);
        // By rows, not by numbers: those of Postgres have gaps of millions.
        while let Some(end) = self.window(after, last).await? {
            let found = self.events_within(&replay, after, end).await?;
            total.events += found.count;
            for piece in found.candidates.chunks(STEP) {
                let (events, replay) = (piece.to_vec(), Arc::clone(&replay));
                total.queued += self
                    .write(move |tx| Box::pin(async move { step(tx, &events, &replay, now).await }))
                    .await?;
            }
            after = end;
        }
        Ok(total)
    }

    async fn last_event(&self) -> Result<i64, StoreError> {
        let mut conn = self.reader().await?;
        let last: Option<i64> = sql::query(
            "SELECT number FROM events WHERE tenant = $1 AND session = $2
             ORDER BY number DESC LIMIT 1",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .scalar(&mut conn)
        .await?;
        Ok(last.unwrap_or_default())
    }

    /// The last number of the window behind `after`; nothing beyond `last`.
    async fn window(&self, after: i64, last: i64) -> Result<Option<i64>, StoreError> {
        let mut conn = self.reader().await?;
        let end: Option<Option<i64>> = sql::query(
            "SELECT MAX(number) FROM (
               SELECT number FROM events
               WHERE tenant = $1 AND session = $2 AND number > $3 AND number <= $4
               ORDER BY number LIMIT $5) AS step",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(after)
        .bind(last)
        .bind(WINDOW)
        .scalar(&mut conn)
        .await?;
        Ok(end.flatten())
    }

    /// The wanted events behind `after`, up to `end`. Which of a time range have anything to replay is
    /// seen here, so that the writer is asked for those alone; it looks again, and decides. About an
    /// event that is named it is asked always: a delivery that ended just now may be on its way to it.
    async fn events_within(
        &self,
        replay: &Replay,
        after: i64,
        end: i64,
    ) -> Result<Found, StoreError> {
        let (any, id, since, until) = match &replay.events {
            ReplayedEvents::Id(id) => (false, id.as_str(), i64::MIN, i64::MAX),
            ReplayedEvents::Between(since, until) => {
                (true, "", since.as_millisecond(), until.as_millisecond())
            }
        };
        let mut conn = self.reader().await?;
        let rows = sql::query(
            "SELECT number, EXISTS (
               SELECT 1 FROM deliveries d WHERE d.event = events.number
                 AND ((d.state = 'dead' AND $9) OR (d.state = 'delivered' AND $10)))
             FROM events
             WHERE tenant = $1 AND session = $2 AND number > $3 AND number <= $4
               AND ($5 OR id = $6) AND created_at >= $7 AND created_at < $8
             ORDER BY number",
        )
        .bind(&self.session().tenant)
        .bind(&self.session().session)
        .bind(after)
        .bind(end)
        .bind(any)
        .bind(id)
        .bind(since)
        .bind(until)
        .bind(replay.dead)
        .bind(replay.delivered)
        .fetch_all(&mut conn)
        .await?;
        let mut found = Found::default();
        for row in &rows {
            found.count += 1;
            if !any || row.try_get(1)? {
                found.candidates.push(row.try_get(0)?);
            }
        }
        Ok(found)
    }
}

/// The events of a window that a replay is about.
#[derive(Debug, Default)]
struct Found {
    count: u64,
    /// Numbers of those with a delivery that the replay may queue again.
    candidates: Vec<i64>,
}

/// A delivery of an event that is replayed.
#[derive(Debug)]
struct Row {
    number: i64,
    endpoint: String,
    state: String,
}

async fn step(tx: &mut Tx, events: &[i64], replay: &Replay, now: i64) -> Result<u64, StoreError> {
    let mut queued = 0;
    for &number in events {
        let event = sql::query("SELECT name, chat FROM events WHERE number = $1")
            .bind(number)
            .fetch_optional(&mut tx.conn)
            .await?;
        let Some(event) = event else { continue };
        let (name, chat): (String, String) = (event.try_get(0)?, event.try_get(1)?);
        let deliveries = deliveries_of(tx, number).await?;
        let plan = plan(&deliveries, &name, replay);
        if plan.again.is_empty() && plan.new.is_empty() {
            continue;
        }
        for delivery in &plan.again {
            queue_again(tx, delivery, &chat, now).await?;
        }
        announce::deliver(tx, number, &chat, &plan.new, now).await?;
        if !plan.new.is_empty() {
            let head = "DELETE FROM deliveries WHERE number IN ";
            prune::remove(tx, head, &plan.inherited).await?;
        }
        // Until every endpoint has it once more, it must not be pruned.
        sql::query("UPDATE events SET done_at = NULL WHERE number = $1")
            .bind(number)
            .execute(&mut tx.conn)
            .await?;
        queued += (plan.again.len() + plan.new.len()) as u64;
    }
    tx.outbox_changed |= queued > 0;
    Ok(queued)
}

async fn deliveries_of(tx: &mut Tx, event: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sql::query(
        "SELECT number, endpoint, state FROM deliveries WHERE event = $1 ORDER BY number",
    )
    .bind(event)
    .fetch_all(&mut tx.conn)
    .await?;
    let row = |row: &sql::Row| {
        Ok(Row {
            number: row.try_get(0)?,
            endpoint: row.try_get(1)?,
            state: row.try_get(2)?,
        })
    };
    rows.iter().map(row).collect()
}

/// What is to be done for one event.
#[derive(Debug, Default)]
struct Plan<'r> {
    /// Deliveries to queue again.
    again: Vec<&'r Row>,
    /// Endpoints that get one of their own.
    new: Vec<String>,
    /// Dead letters of endpoints that are gone, which the new ones replace.
    inherited: Vec<i64>,
}

fn plan<'r>(deliveries: &'r [Row], name: &str, replay: &Replay) -> Plan<'r> {
    let audience = &replay.audience;
    let mut plan = Plan::default();
    for delivery in deliveries {
        let reachable = audience.endpoints.contains(&delivery.endpoint);
        match delivery.state.as_str() {
            "dead" if replay.dead && reachable => plan.again.push(delivery),
            "dead" if replay.dead && audience.heirs.is_some() => {
                plan.inherited.push(delivery.number);
            }
            "delivered" if replay.delivered && reachable => plan.again.push(delivery),
            _ => {}
        }
    }
    if let Some(wanting) = &audience.heirs
        && !plan.inherited.is_empty()
    {
        plan.new = wanting(name);
        plan.new
            .retain(|wants| deliveries.iter().all(|had| had.endpoint != *wants));
    }
    plan
}

/// Puts a finished delivery back into its lane, behind what is unfinished before it.
async fn queue_again(tx: &mut Tx, delivery: &Row, chat: &str, now: i64) -> Result<(), StoreError> {
    let before = sql::query(
        "SELECT state, attempts, opened_at FROM deliveries
         WHERE tenant = $1 AND session = $2 AND endpoint = $3 AND chat = $4 AND number < $5
           AND finished_at IS NULL
         ORDER BY number DESC LIMIT 1",
    )
    .bind(&tx.session.tenant)
    .bind(&tx.session.session)
    .bind(&delivery.endpoint)
    .bind(chat)
    .bind(delivery.number)
    .fetch_optional(&mut tx.conn)
    .await?;
    let tail = before.as_ref().map(Tail::of).transpose()?;
    let opens = lane::opens(tail.as_ref(), now);
    sql::query(
        "UPDATE deliveries SET state = $2, opened_at = $3, due_at = $4, attempts = 0,
           finished_at = NULL, last_error = NULL
         WHERE number = $1 AND finished_at IS NOT NULL",
    )
    .bind(delivery.number)
    .bind(if opens.is_some() {
        "pending"
    } else {
        "blocked"
    })
    .bind(opens)
    .bind(opens)
    .execute(&mut tx.conn)
    .await?;
    Ok(())
}
