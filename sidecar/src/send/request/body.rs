//! The body as a stream of JSON tokens, everything in it bounded.

use std::io::{self, Read};

use struson::reader::{
    JsonReader, JsonStreamReader, JsonSyntaxError, LinePosition, ReaderError, ReaderSettings,
    SyntaxErrorKind, ValueType,
};

use super::error::{Refusal, RequestError, pointer_to, shown};

/// Most bytes of JSON beside the file: names, values, escapes and white space. A text of the
/// greatest length, written in escapes alone, takes 384 KiB. This also bounds names, which the
/// JSON reader gives as a whole only.
const MOST_BESIDE_FILE: u64 = 1 << 20;

/// Deepest nesting: the body, and an object or array in it.
const DEEPEST: u32 = 2;

/// A request's body, token by token.
pub(super) struct Body<R: Read> {
    json: JsonStreamReader<Meter<R>>,
}

/// Counts what is read beside the file, and remembers how reading failed: the JSON reader wraps
/// errors in several ways, from which the first one can't be had back.
struct Meter<R> {
    inner: R,
    left: u64,
    in_file: bool,
    fault: Option<RequestError>,
}

/// The names of one object that have been seen.
#[derive(Default)]
pub(super) struct Seen(Vec<&'static str>);

// === impl Body ===

impl<R: Read> Body<R> {
    pub(super) fn new(inner: R) -> Self {
        let meter = Meter {
            inner,
            left: MOST_BESIDE_FILE,
            in_file: false,
            fault: None,
        };
        let settings = ReaderSettings {
            // So that what follows the object is seen without giving the reader away.
            allow_multiple_top_level: true,
            track_path: false,
            max_nesting_depth: Some(DEEPEST),
            ..ReaderSettings::default()
        };
        let json = JsonStreamReader::new_custom(meter, settings);
        Self { json }
    }

    pub(super) fn begin_object(&mut self, pointer: &str) -> Result<(), RequestError> {
        self.expect(ValueType::Object, pointer)?;
        self.json.begin_object().map_err(|error| self.failed(error))
    }

    pub(super) fn end_object(&mut self) -> Result<(), RequestError> {
        self.json.end_object().map_err(|error| self.failed(error))
    }

    pub(super) fn begin_array(&mut self, pointer: &str) -> Result<(), RequestError> {
        self.expect(ValueType::Array, pointer)?;
        self.json.begin_array().map_err(|error| self.failed(error))
    }

    pub(super) fn end_array(&mut self) -> Result<(), RequestError> {
        self.json.end_array().map_err(|error| self.failed(error))
    }

    /// Whether the object or array goes on; after the body's object, whether anything follows.
    pub(super) fn has_next(&mut self) -> Result<bool, RequestError> {
        self.json.has_next().map_err(|error| self.failed(error))
    }

    /// The next of `known` in the object at `pointer` that has a value: `null` counts as absent.
    pub(super) fn next_field(
        &mut self,
        pointer: &str,
        known: &[&'static str],
        seen: &mut Seen,
    ) -> Result<Option<&'static str>, RequestError> {
        while self.has_next()? {
            let name = self.json.next_name_owned();
            let name = name.map_err(|error| self.failed(error))?;
            let name = seen.next(pointer, known, &name)?;
            if self.peek()? != ValueType::Null {
                return Ok(Some(name));
            }
            self.json.next_null().map_err(|error| self.failed(error))?;
        }
        Ok(None)
    }

    pub(super) fn bool(&mut self, pointer: &str) -> Result<bool, RequestError> {
        self.expect(ValueType::Boolean, pointer)?;
        self.json.next_bool().map_err(|error| self.failed(error))
    }

    /// A string of at most `most` bytes; a longer one is not read to its end.
    pub(super) fn string(&mut self, pointer: &str, most: u32) -> Result<String, RequestError> {
        self.expect(ValueType::String, pointer)?;
        let mut bytes = Vec::new();
        let string = self.json.next_string_reader();
        let read = string.map(|string| string.take(u64::from(most) + 1).read_to_end(&mut bytes));
        match read {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(self.string_failed(&error)),
            Err(error) => return Err(self.failed(error)),
        }
        if bytes.len() as u64 > u64::from(most) {
            return Err(Refusal::invalid(pointer, format!("longer than {most} bytes")).into());
        }
        String::from_utf8(bytes).map_err(|_| malformed("is not UTF-8", None).into())
    }

    /// Gives the string that holds the file to `consume`, and what `consume` says.
    pub(super) fn file<T>(
        &mut self,
        pointer: &str,
        consume: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<T, RequestError> {
        self.expect(ValueType::String, pointer)?;
        self.json.reader_mut().in_file = true;
        let string = self.json.next_string_reader();
        let consumed = string.map(|mut string| consume(&mut string));
        self.json.reader_mut().in_file = false;
        consumed.map_err(|error| self.failed(error))
    }

    /// Nothing but white space may follow the body's object.
    pub(super) fn end(&mut self) -> Result<(), RequestError> {
        if self.has_next()? {
            let position = self.json.current_position(false).line_pos;
            return Err(malformed("has more after its end", position).into());
        }
        Ok(())
    }

    /// Why a string's reader failed.
    pub(super) fn string_failed(&mut self, error: &io::Error) -> RequestError {
        let syntax = error.get_ref().and_then(|error| error.downcast_ref());
        self.fault().unwrap_or_else(|| match syntax {
            Some(syntax) => of_syntax(syntax).into(),
            None => malformed("is not UTF-8", None).into(),
        })
    }

    fn peek(&mut self) -> Result<ValueType, RequestError> {
        self.json.peek().map_err(|error| self.failed(error))
    }

    fn expect(&mut self, wanted: ValueType, pointer: &str) -> Result<(), RequestError> {
        let found = self.peek()?;
        if found == wanted {
            return Ok(());
        }
        let (found, wanted) = (word_of(found), word_of(wanted));
        Err(Refusal::invalid(pointer, format!("is to be {wanted}, not {found}")).into())
    }

    fn failed(&mut self, error: ReaderError) -> RequestError {
        self.fault().unwrap_or_else(|| match error {
            ReaderError::SyntaxError(error) => of_syntax(&error).into(),
            ReaderError::IoError { location, .. } => {
                malformed("is not UTF-8", location.line_pos).into()
            }
            // Every type is looked at before it is read, so what is left is nesting.
            _ => malformed("is nested too deep", None).into(),
        })
    }

    fn fault(&mut self) -> Option<RequestError> {
        self.json.reader_mut().fault.take()
    }
}

fn of_syntax(error: &JsonSyntaxError) -> Refusal {
    let what = match error.kind {
        SyntaxErrorKind::IncompleteDocument => "ends too early",
        _ => "is not JSON",
    };
    malformed(what, error.location.line_pos)
}

fn malformed(what: &str, position: Option<LinePosition>) -> Refusal {
    let place = position.map(|LinePosition { line, column }| {
        let (line, column) = (line.saturating_add(1), column.saturating_add(1));
        format!(" (line {line}, column {column})")
    });
    let place = place.unwrap_or_default();
    Refusal::new("malformed_json", format!("the body {what}{place}"))
}

const fn word_of(value: ValueType) -> &'static str {
    match value {
        ValueType::Array => "an array",
        ValueType::Object => "an object",
        ValueType::String => "a string",
        ValueType::Number => "a number",
        ValueType::Boolean => "true or false",
        ValueType::Null => "null",
    }
}

// === impl Meter ===

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buf) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.fault = Some(RequestError::Body(error));
                return Err(kind.into());
            }
            read => read?,
        };
        if !self.in_file {
            let Some(left) = self.left.checked_sub(read as u64) else {
                let message = format!("more than {MOST_BESIDE_FILE} bytes of JSON beside base64");
                self.fault = Some(Refusal::too_large(message).into());
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            self.left = left;
        }
        Ok(read)
    }
}

// === impl Seen ===

impl Seen {
    /// The field of this name, once.
    fn next(
        &mut self,
        pointer: &str,
        known: &[&'static str],
        name: &str,
    ) -> Result<&'static str, Refusal> {
        let Some(field) = known.iter().copied().find(|field| *field == name) else {
            let message = format!("{} is not a field of this request", shown(name));
            return Err(Refusal::new("unknown_field", message).at(pointer_to(pointer, name)));
        };
        if self.0.contains(&field) {
            let message = format!("{field} stands here twice");
            return Err(Refusal::new("duplicate_field", message).at(pointer_to(pointer, name)));
        }
        self.0.push(field);
        Ok(field)
    }
}
