//! What can go wrong with a request, and the one table of statuses.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;

use super::servers::ServerError;

/// Why a request is not answered. Its text is the body of the answer, in plain text, as clients match on it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The request makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// There is no such thing, or no such route.
    #[error("{0}")]
    NotFound(String),
    /// The route is there, but not for this method.
    #[error("Invalid method")]
    InvalidMethod,
    /// The body is too large.
    #[error("request body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("request body did not arrive within {0} seconds")]
    Slow(u64),
    /// Nomad knows it, Pasture does not do it.
    #[error("{0}")]
    NotSupported(String),
    /// The servers could not do it.
    #[error("{}", server_text(.0))]
    Server(#[from] ServerError),
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}

impl ApiError {
    /// Returns the status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::InvalidMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::NotSupported(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Server(error) => match error {
                ServerError::JobNotFound(_)
                | ServerError::NodeNotFound(_)
                | ServerError::DeploymentNotFound
                // Of these, that one only.
                | ServerError::DeploymentEnded { verb: "fail" } => StatusCode::NOT_FOUND,
                ServerError::GroupNotFound { .. } | ServerError::Invalid(_) => StatusCode::BAD_REQUEST,
                ServerError::Denied(_) => StatusCode::FORBIDDEN,
                // Nomad says 500 for these too; clients tell them apart by the text.
                ServerError::NoLeader
                | ServerError::Unconfirmed
                | ServerError::JobModifyIndex { .. }
                | ServerError::DeploymentEnded { .. }
                | ServerError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.status(), headers, self.to_string()).into_response()
    }
}

/// Returns the text of a server's error; where clients match on Nomad's, that one.
fn server_text(error: &ServerError) -> String {
    match error {
        ServerError::JobNotFound(_) => "job not found".to_owned(),
        ServerError::NodeNotFound(_) => "node not found".to_owned(),
        other => other.to_string(),
    }
}
