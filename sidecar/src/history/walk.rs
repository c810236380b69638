//! A protobuf `HistorySync`, as it comes: its conversations' messages one by one, all else passed over.

/// `HistorySync.conversations`, `Conversation.messages`, `HistorySyncMsg.message`: the way to a message.
const WAY: [u64; 3] = [2, 2, 1];

/// Largest message that is kept. WhatsApp takes none that is near it.
const LARGEST: u64 = 1 << 20;

/// Longest head of a field: tag and length.
const LONGEST_HEAD: usize = 20;

/// Not the framing of protobuf.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the chunk is not a HistorySync")]
pub(super) struct WalkError;

/// What is being read.
#[derive(Debug)]
enum Doing {
    /// The head of a field.
    Head,
    /// So many bytes that nobody wants.
    Pass(u64),
    /// A message, of which so many bytes are missing.
    Keep(u64),
}

/// The walk.
#[derive(Debug)]
pub(super) struct Walk {
    /// Bytes left of the conversation, and of the entry in it, that are being read.
    left: Vec<u64>,
    doing: Doing,
    head: Vec<u8>,
    message: Vec<u8>,
    /// Messages that were too large.
    pub(super) too_large: usize,
}

/// What a field's head says.
enum Field {
    /// A number, which is in the head.
    Number,
    /// So many bytes without a length in front.
    Fixed(u64),
    /// So many bytes.
    Delimited { number: u64, length: u64 },
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            left: Vec::with_capacity(WAY.len()),
            doing: Doing::Head,
            head: Vec::with_capacity(LONGEST_HEAD),
            message: Vec::new(),
            too_large: 0,
        }
    }

    /// The next message, made of what it takes off `input`; `None` when it needs more.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, WalkError> {
        while !input.is_empty() {
            match self.doing {
                Doing::Head => self.head(input)?,
                Doing::Pass(missing) => {
                    let missing = missing - self.take(missing, input, false)?;
                    self.doing = Doing::Pass(missing);
                }
                Doing::Keep(missing) => {
                    let missing = missing - self.take(missing, input, true)?;
                    self.doing = Doing::Keep(missing);
                }
            }
            if let Some(message) = self.settle() {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Whether nothing is missing.
    pub(super) fn finish(&self) -> Result<(), WalkError> {
        let whole =
            self.left.is_empty() && self.head.is_empty() && matches!(self.doing, Doing::Head);
        whole.then_some(()).ok_or(WalkError)
    }

    fn head(&mut self, input: &mut &[u8]) -> Result<(), WalkError> {
        let Some((byte, rest)) = input.split_first() else {
            return Ok(());
        };
        *input = rest;
        self.count(1)?;
        self.head.push(*byte);
        if self.head.len() > LONGEST_HEAD {
            return Err(WalkError);
        }
        let Some(field) = field(&self.head)? else {
            return Ok(());
        };
        self.head.clear();
        self.doing = match field {
            Field::Number => Doing::Head,
            Field::Fixed(length) => Doing::Pass(length),
            Field::Delimited { number, length } => self.enter(number, length)?,
        };
        Ok(())
    }

    fn enter(&mut self, number: u64, length: u64) -> Result<Doing, WalkError> {
        if self.left.last().is_some_and(|left| length > *left) {
            return Err(WalkError);
        }
        let depth = self.left.len();
        if WAY.get(depth) != Some(&number) {
            return Ok(Doing::Pass(length));
        }
        if depth + 1 < WAY.len() {
            self.left.push(length);
            return Ok(Doing::Head);
        }
        if length > LARGEST {
            self.too_large += 1;
            return Ok(Doing::Pass(length));
        }
        Ok(Doing::Keep(length))
    }

    fn take(&mut self, most: u64, input: &mut &[u8], keep: bool) -> Result<u64, WalkError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
        let (taken, rest) = input.split_at_checked(most).ok_or(WalkError)?;
        *input = rest;
        if keep {
            self.message.extend_from_slice(taken);
        }
        self.count(most as u64)?;
        Ok(most as u64)
    }

    /// So many bytes are read of everything that is open.
    fn count(&mut self, bytes: u64) -> Result<(), WalkError> {
        for left in &mut self.left {
            *left = left.checked_sub(bytes).ok_or(WalkError)?;
        }
        Ok(())
    }

    /// Leaves what has come to its end; the message, if it is one.
    fn settle(&mut self) -> Option<Vec<u8>> {
        let mut message = None;
        match self.doing {
            Doing::Pass(0) => self.doing = Doing::Head,
            Doing::Keep(0) => {
                self.doing = Doing::Head;
                message = Some(std::mem::take(&mut self.message));
            }
            Doing::Head | Doing::Pass(_) | Doing::Keep(_) => {}
        }
        if matches!(self.doing, Doing::Head) && self.head.is_empty() {
            while self.left.last() == Some(&0) {
                self.left.pop();
            }
        }
        message
    }
}

/// Reads a head; `None` when it goes on.
fn field(head: &[u8]) -> Result<Option<Field>, WalkError> {
    let mut rest = head;
    let Some(tag) = varint(&mut rest)? else {
        return Ok(None);
    };
    let number = tag >> 3;
    Ok(match tag & 7 {
        0 => varint(&mut rest)?.map(|_| Field::Number),
        1 => Some(Field::Fixed(8)),
        2 => varint(&mut rest)?.map(|length| Field::Delimited { number, length }),
        5 => Some(Field::Fixed(4)),
        _ => return Err(WalkError),
    })
}

fn varint(rest: &mut &[u8]) -> Result<Option<u64>, WalkError> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let Some((byte, tail)) = rest.split_first() else {
            return Ok(None);
        };
        *rest = tail;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Err(WalkError)
}
