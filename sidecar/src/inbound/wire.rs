//! The framing of protobuf, for what the decoder can't be asked: leaving a field out, and how deep
//! a body nests before anything recurses over it.

/// Wire type of length-delimited fields.
const DELIMITED: u64 = 2;

/// One field of a message: its number, its whole bytes, and its content if it is delimited.
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) whole: &'a [u8],
    content: Option<&'a [u8]>,
}

/// The next field, taken off `rest`; `None` when the framing is broken or `rest` is empty.
pub(super) fn next<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let start = *rest;
    let tag = varint(rest)?;
    let content = match tag & 7 {
        0 => varint(rest).map(|_| None)?,
        1 => take(rest, 8).map(|_| None)?,
        5 => take(rest, 4).map(|_| None)?,
        DELIMITED => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Some(take(rest, length)?)
        }
        _ => return None,
    };
    Some(Field {
        number: tag >> 3,
        whole: start.get(..start.len() - rest.len())?,
        content,
    })
}

/// Whether a body may nest more than `levels` messages. Byte strings that happen to be framed like
/// messages count as such, so the answer is never too low.
pub(super) fn nests_deeper(body: &[u8], levels: usize) -> bool {
    if !is_framed(body) {
        return false;
    }
    let mut rest = body;
    while let Some(field) = next(&mut rest) {
        let Some(content) = field.content.filter(|content| !content.is_empty()) else {
            continue;
        };
        let deeper = match levels {
            0 => is_framed(content),
            _ => nests_deeper(content, levels - 1),
        };
        if deeper {
            return true;
        }
    }
    false
}

fn is_framed(body: &[u8]) -> bool {
    let mut rest = body;
    while !rest.is_empty() {
        if next(&mut rest).is_none_or(|field| field.number == 0) {
            return false;
        }
    }
    true
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
