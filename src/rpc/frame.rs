//! What goes over a connection.

use bytes::{Buf, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::error::RpcError;

/// The largest frame in bytes: a snapshot of the state of tens of thousands of allocations fits in.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// Bytes of the length before each frame.
const LENGTH_BYTES: usize = 4;

/// Room for what a frame carries beside its body.
const ENVELOPE_BYTES: usize = 64;

/// What is read at a time while a frame is incomplete: what a frame claims to need is not allocated before it arrives.
const READ_BYTES_MAX: usize = 64 << 10;

/// What is read at a time between frames: most are smaller.
const READ_BYTES_MIN: usize = 2 << 10;

/// A question on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request<'a> {
    /// Chosen by the caller and given back in the reply; never 0.
    pub(super) id: u64,
    #[serde(borrow)]
    pub(super) method: &'a str,
    /// How long the caller will wait.
    pub(super) timeout_ms: u64,
    #[serde(borrow, serialize_with = "as_bytes")]
    pub(super) body: &'a [u8],
}

/// The answer to the request of the same id; id 0 is about the connection as a whole.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply<'a> {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) error: Option<RpcError>,
    #[serde(borrow, serialize_with = "as_bytes")]
    pub(super) body: &'a [u8],
}

/// Encodes a message as agents send it.
///
/// # Errors
/// `Internal` for a value that has no encoding.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, RpcError> {
    rmp_serde::to_vec_named(value)
        .map_err(|error| RpcError::Internal(format!("the message cannot be encoded: {error}")))
}

/// Decodes what [`encode`] made.
///
/// # Errors
/// `Internal` for bytes that are not such a message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RpcError> {
    rmp_serde::from_slice(bytes).map_err(|error| unreadable(&error))
}

/// Returns the whole frame around `value`, whose body has `body_bytes` bytes.
pub(super) fn frame<T: Serialize>(value: &T, body_bytes: usize) -> Result<Vec<u8>, RpcError> {
    let too_large = |bytes: usize| RpcError::TooLarge { bytes: bytes as u64 };
    if body_bytes > FRAME_BYTES_MAX {
        return Err(too_large(body_bytes));
    }
    let mut frame = Vec::with_capacity(LENGTH_BYTES + ENVELOPE_BYTES + body_bytes);
    frame.extend_from_slice(&[0; LENGTH_BYTES]);
    rmp_serde::encode::write_named(&mut frame, value)
        .map_err(|error| RpcError::Internal(format!("the message cannot be encoded: {error}")))?;
    let length = frame.len() - LENGTH_BYTES;
    if length > FRAME_BYTES_MAX {
        return Err(too_large(length));
    }
    let prefix = u32::try_from(length).expect("the limit fits in 32 bits").to_be_bytes();
    frame[..LENGTH_BYTES].copy_from_slice(&prefix);
    Ok(frame)
}

/// Takes the next whole frame out of `input`, without its length; `None` when more has to be read first.
pub(super) fn next_frame(input: &mut BytesMut) -> Result<Option<Bytes>, RpcError> {
    let Some(prefix) = input.first_chunk::<LENGTH_BYTES>() else {
        input.reserve(READ_BYTES_MIN);
        return Ok(None);
    };
    let length = u32::from_be_bytes(*prefix) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(RpcError::TooLarge { bytes: length as u64 });
    }
    let missing = (LENGTH_BYTES + length).saturating_sub(input.len());
    if missing > 0 {
        input.reserve(missing.clamp(READ_BYTES_MIN, READ_BYTES_MAX));
        return Ok(None);
    }
    input.advance(LENGTH_BYTES);
    Ok(Some(input.split_to(length).freeze()))
}

/// Reads the envelope of a frame.
pub(super) fn envelope<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> Result<T, RpcError> {
    rmp_serde::from_slice(frame).map_err(|error| unreadable(&error))
}

fn unreadable(error: &rmp_serde::decode::Error) -> RpcError {
    RpcError::Internal(format!(
        "the message cannot be read: {error}; does the other side run another version?"
    ))
}

/// Writes bytes as one binary value instead of a list of numbers.
fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_apart_wherever_they_are_cut() {
        let mut stream = Vec::new();
        for id in 1..=3 {
            let request = Request { id, method: "Ask", timeout_ms: 5, body: &[7; 300] };
            stream.extend(frame(&request, 300).unwrap());
        }
        for cut in 1..stream.len() {
            let mut input = BytesMut::new();
            let mut ids = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                input.extend_from_slice(part);
                while let Some(frame) = next_frame(&mut input).unwrap() {
                    let request: Request<'_> = envelope(&frame).unwrap();
                    assert_eq!((request.method, request.body.len()), ("Ask", 300));
                    ids.push(request.id);
                }
            }
            assert_eq!(ids, [1, 2, 3]);
        }
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_read() {
        let mut input = BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]);
        assert!(matches!(next_frame(&mut input), Err(RpcError::TooLarge { .. })));
        let body = vec![0; FRAME_BYTES_MAX + 1];
        let reply = Reply { id: 1, error: None, body: &body };
        assert!(matches!(frame(&reply, body.len()), Err(RpcError::TooLarge { .. })));
    }

    #[test]
    fn a_field_of_a_later_version_is_skipped() {
        #[derive(Serialize)]
        struct Later {
            id: u64,
            shiny: String,
            body: (),
        }
        let bytes = encode(&Later { id: 3, shiny: "new".to_owned(), body: () }).unwrap();
        #[derive(Deserialize)]
        struct Earlier {
            id: u64,
        }
        assert_eq!(decode::<Earlier>(&bytes).unwrap().id, 3);
    }
}
