//! Output of tasks: files on the disk of their node, plain or in Nomad's frames.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde::Serialize;
use tokio::time::sleep;

use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::env::Env;

/// How much is read at once, in bytes. Source: Nomad `client/fs_endpoint.go`.
const CHUNK_BYTES: u64 = 64 * 1024;

/// How often a followed file is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// How many looks without news make a heartbeat: one second's worth.
const HEARTBEAT_LOOKS: u32 = 5;

/// Which output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The output files of one task, `<task>.<stream>.<n>`, oldest first.
pub(super) struct Logs {
    env: Env,
    folder: PathBuf,
    prefix: String,
}

/// One file of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    number: u64,
    name: String,
    length: u64,
}

/// A piece of output as Nomad frames it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Frame<'a> {
    offset: u64,
    data: String,
    file: &'a str,
}

/// Where a reader stands.
struct Position {
    number: u64,
    offset: u64,
}

impl Logs {
    /// Names the files; nothing is looked at yet. `folder` is that of the allocation's output.
    pub(super) fn open(env: Env, folder: PathBuf, task: &str, stream: Stream) -> Self {
        let kind = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        Self { env, folder, prefix: format!("{task}.{kind}.") }
    }

    /// Returns the output as `params` (`plain`, `follow`, `origin`, `offset`) ask for it.
    pub(super) async fn read(self, params: &Params) -> Result<Body, ApiError> {
        let (is_plain, follows) = (params.bool("plain")?, params.bool("follow")?);
        let offset: u64 = match params.text("offset") {
            "" => 0,
            text => text.parse().map_err(|_| ApiError::BadRequest(format!("Invalid offset {text:?}")))?,
        };
        let files = self.files().await;
        if files.is_empty() && !follows {
            return Err(ApiError::NotFound(format!("there is no output {}* of this task yet", self.prefix)));
        }
        let total: u64 = files.iter().map(|file| file.length).sum();
        let skip = match params.text("origin") {
            "" | "start" => offset,
            "end" => total.saturating_sub(offset),
            other => {
                return Err(ApiError::BadRequest(format!("origin must be start or end; it is {other:?}")));
            }
        };
        let position = position_of(&files, skip);
        let reader = Reader { logs: self, position, is_plain, follows, quiet_looks: 0 };
        Ok(Body::from_stream(stream::unfold(reader, Reader::next)))
    }

    async fn files(&self) -> Vec<File> {
        let (disk, folder, prefix) = (self.env.disk.clone(), self.folder.clone(), self.prefix.clone());
        let found = self.env.blocking(move || {
            let mut files = Vec::new();
            for name in disk.list(&folder).unwrap_or_default() {
                let Some(number) = name.strip_prefix(&prefix).and_then(|number| number.parse().ok()) else {
                    continue;
                };
                // A file that vanished between the two looks was rotated away.
                if let Ok(length) = disk.open(&folder.join(&name)).and_then(|file| file.length()) {
                    files.push(File { number, name, length });
                }
            }
            files.sort_by_key(|file: &File| file.number);
            files
        });
        found.await
    }

    /// Reads up to a chunk from `offset` of a file.
    async fn chunk(&self, file: &File, offset: u64) -> std::io::Result<Vec<u8>> {
        let (disk, path) = (self.env.disk.clone(), self.folder.join(&file.name));
        let length = file.length.saturating_sub(offset).min(CHUNK_BYTES);
        let mut buffer = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = move || disk.open(&path)?.read_at(offset, &mut buffer).map(|()| buffer);
        self.env.blocking(read).await
    }
}

/// Finds the place `skip` bytes from the beginning of all files.
fn position_of(files: &[File], mut skip: u64) -> Position {
    for file in files {
        if skip < file.length {
            return Position { number: file.number, offset: skip };
        }
        skip -= file.length;
    }
    match files.last() {
        Some(last) => Position { number: last.number, offset: last.length },
        None => Position { number: 0, offset: 0 },
    }
}

struct Reader {
    logs: Logs,
    position: Position,
    is_plain: bool,
    follows: bool,
    quiet_looks: u32,
}

impl Reader {
    /// Returns the next piece, or nothing when the end is reached and nobody waits for more.
    async fn next(mut self) -> Option<(std::io::Result<Bytes>, Self)> {
        loop {
            let files = self.logs.files().await;
            for file in files.iter().filter(|file| file.number >= self.position.number) {
                let offset = if file.number == self.position.number { self.position.offset } else { 0 };
                if offset >= file.length {
                    continue;
                }
                let piece = match self.logs.chunk(file, offset).await {
                    Ok(data) => {
                        self.position = Position { number: file.number, offset: offset + data.len() as u64 };
                        Ok(self.frame(file, data))
                    }
                    Err(error) => Err(error),
                };
                self.quiet_looks = 0;
                return Some((piece, self));
            }
            if !self.follows {
                return None;
            }
            sleep(FOLLOW_INTERVAL).await;
            self.quiet_looks += 1;
            if !self.is_plain && self.quiet_looks >= HEARTBEAT_LOOKS {
                self.quiet_looks = 0;
                return Some((Ok(Bytes::from_static(b"{}")), self));
            }
        }
    }

    fn frame(&self, file: &File, data: Vec<u8>) -> Bytes {
        if self.is_plain {
            return data.into();
        }
        let name = format!("alloc/logs/{}", file.name);
        let frame = Frame { offset: self.position.offset, data: base64(&data), file: &name };
        serde_json::to_vec(&frame).map(Bytes::from).unwrap_or_default()
    }
}

/// Writes bytes in base64, which is how Go writes them in JSON.
fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= group.len() { char::from(DIGITS[digit as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_everybody_does() {
        for (data, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(data.as_bytes()), text);
        }
    }

    #[test]
    fn a_position_is_found_across_files() {
        let file = |number, length| File { number, name: format!("t.stdout.{number}"), length };
        let files = [file(3, 10), file(4, 5)];
        for (skip, number, offset) in [(0, 3, 0), (9, 3, 9), (10, 4, 0), (14, 4, 4), (99, 4, 5)] {
            let found = position_of(&files, skip);
            assert_eq!((found.number, found.offset), (number, offset), "{skip}");
        }
        assert_eq!(position_of(&[], 7).offset, 0);
    }
}
