//! What can be asked for in the query of a URL.

use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use hyper::Uri;

use super::error::ApiError;
use crate::model::duration;

/// The namespace when nothing is said.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Stands for all namespaces.
pub const ALL_NAMESPACES: &str = "*";

/// The longest wait of a blocking query, and the one when nothing is said. Source: Nomad `nomad/structs/structs.go`.
pub const WAIT_MAX: Duration = Duration::from_secs(300);

/// The parameters every route knows. The first of several values of one name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
    /// The region asked; `None` for this one.
    pub region: Option<String>,
    /// The namespace asked; `*` for all.
    pub namespace: String,
    /// Any server may answer, from what it knows.
    pub stale: bool,
    /// Ids must begin with this.
    pub prefix: String,
    /// Wait for an answer newer than this log index; 0 for no wait.
    pub index: u64,
    /// The longest wait.
    pub wait: Duration,
    /// How many entries of a list are wanted; 0 for all.
    pub per_page: usize,
    /// The entry a page begins with: the last answer's `X-Nomad-NextToken`.
    pub next_token: String,
    /// Newest first.
    pub reverse: bool,
    /// Indent the answer.
    pub pretty: bool,
}

impl Params {
    /// Reads the query of `uri`.
    ///
    /// # Errors
    /// 400 with a short text for values that make no sense, and for filters, which are not supported.
    pub fn of(uri: &Uri) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| ApiError::BadRequest(format!("Invalid query: {error}")))?;
        let mut params = Self { pairs, ..Self::default() };
        if !params.text("filter").is_empty() {
            return Err(ApiError::BadRequest(
                "filter expressions are not supported yet; ask without `filter` and select from the answer"
                    .to_owned(),
            ));
        }
        params.region = Some(params.text("region").to_owned()).filter(|region| !region.is_empty());
        params.namespace = match params.text("namespace") {
            "" => DEFAULT_NAMESPACE.to_owned(),
            name => name.to_owned(),
        };
        params.stale = match params.get("stale") {
            None => false,
            Some("") => true,
            Some(_) => params.bool("stale")?,
        };
        params.prefix = params.text("prefix").to_owned();
        params.index = params.number("index", "Invalid index")?;
        params.wait = params.wait_time()?;
        params.per_page =
            usize::try_from(params.number::<u32>("per_page", "Invalid per_page")?).unwrap_or(usize::MAX);
        params.next_token = params.text("next_token").to_owned();
        params.reverse = params.text("reverse") == "true";
        params.pretty = params.get("pretty").is_some_and(|value| value != "0");
        Ok(params)
    }

    /// Returns the value of a parameter, `None` when it is not there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a parameter, empty when it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Returns a boolean as Go's `ParseBool` reads it; false when it is not there or empty.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn bool(&self, name: &str) -> Result<bool, ApiError> {
        self.bool_or(name, false)
    }

    /// As [`bool`](Self::bool), with another value when it is not there or empty.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn bool_or(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.text(name) {
            "" => Ok(default),
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            other => Err(ApiError::BadRequest(format!(
                "Failed to parse value of {name:?} ({other:?}) as a bool: write true or false"
            ))),
        }
    }

    /// Tells whether something in that namespace was asked for.
    pub fn covers(&self, namespace: &str) -> bool {
        self.namespace == ALL_NAMESPACES || self.namespace == namespace
    }

    fn number<T: std::str::FromStr + Default>(&self, name: &str, complaint: &str) -> Result<T, ApiError> {
        match self.text(name) {
            "" => Ok(T::default()),
            text => text.parse().map_err(|_| {
                ApiError::BadRequest(format!("{complaint} {text:?}: a whole number is expected"))
            }),
        }
    }

    fn wait_time(&self) -> Result<Duration, ApiError> {
        let text = self.text("wait");
        if text.is_empty() {
            return Ok(WAIT_MAX);
        }
        match duration::parse(text) {
            Ok(Duration::ZERO) => Ok(WAIT_MAX),
            Ok(wait) => Ok(wait.min(WAIT_MAX)),
            Err(error) => Err(ApiError::BadRequest(format!("Invalid wait time: {error}"))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _state: &S,
    ) -> Result<Self, Self::Rejection> {
        Self::of(&parts.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Params, String> {
        let uri: Uri = format!("/v1/jobs?{query}").parse().unwrap();
        Params::of(&uri).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_clients_send() {
        let params =
            parse("index=7&wait=60000ms&stale&namespace=*&prefix=ab%2Fc&per_page=20&pretty").unwrap();
        assert_eq!((params.index, params.wait), (7, Duration::from_secs(60)));
        assert!(params.stale && params.pretty && params.covers("anything"));
        assert_eq!((params.prefix.as_str(), params.per_page), ("ab/c", 20));
        let params = parse("").unwrap();
        assert_eq!((params.index, params.wait, params.namespace.as_str()), (0, WAIT_MAX, "default"));
        assert!(!params.stale && !params.pretty && !params.covers("other"));
    }

    #[test]
    fn limits_waits_and_takes_booleans_as_go_does() {
        for (query, wait) in
            [("wait=10m", WAIT_MAX), ("wait=0s", WAIT_MAX), ("wait=1s", Duration::from_secs(1))]
        {
            assert_eq!(parse(query).unwrap().wait, wait, "{query}");
        }
        for (query, stale) in
            [("stale=True", true), ("stale=False", false), ("stale=0", false), ("stale=t", true)]
        {
            assert_eq!(parse(query).unwrap().stale, stale, "{query}");
        }
        assert!(!parse("pretty=0").unwrap().pretty);
        assert!(!parse("reverse=True").unwrap().reverse);
        assert!(parse("reverse=true").unwrap().reverse);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (query, text) in [
            ("index=x", "Invalid index"),
            ("index=-1", "Invalid index"),
            ("wait=5", "Invalid wait time"),
            ("wait=-5s", "Invalid wait time"),
            ("stale=maybe", "stale"),
            ("per_page=1.5", "Invalid per_page"),
            ("filter=Name==x", "not supported"),
        ] {
            let error = parse(query).unwrap_err();
            assert!(error.contains(text), "{query}: {error}");
        }
    }
}
