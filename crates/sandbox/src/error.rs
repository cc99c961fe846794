//! Errors as the API answers them.

use serde_json::{Value, json};

/// An error reply of the API: `{"error":{"type":…,"message":…}}`.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    kind: &'static str,
    message: String,
    /// Messages by field, in a 422.
    errors: Option<Value>,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            errors: None,
        }
    }

    /// 400: a field was asked for that does not exist.
    pub fn invalid_fields(message: String) -> Self {
        Self::new(400, "InvalidFields", message)
    }

    /// 400: a parameter is missing, or has a value that cannot be.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "ArgumentError", message)
    }

    /// 422: a place in a list that cannot be gone to. The document does not have it; Clio's text
    /// about paging does.
    pub fn out_of_bounds(message: impl Into<String>) -> Self {
        Self::new(422, "ArgumentError", message)
    }

    /// 422: fields of the body are wrong; `errors` has messages by field.
    pub fn invalid_body(errors: Value) -> Self {
        let mut error = Self::new(422, "ArgumentError", "The record is not valid.");
        error.errors = Some(errors);
        error
    }

    /// 400: the body is not what is expected at all.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "ArgumentError", message)
    }

    /// 401, in the shape of Clio's own errors.
    pub fn unauthorized() -> Self {
        Self::new(401, "UnauthorizedError", "User is not authorized")
    }

    /// 403: the application lacks a permission, or the user a role.
    pub fn forbidden() -> Self {
        Self::new(
            403,
            "ForbiddenError",
            "User is forbidden from taking that action",
        )
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(404, "RecordNotFoundError", "The record was not found.")
    }

    /// 410: a wrong or retired `X-API-VERSION`.
    pub fn gone(version: &str) -> Self {
        Self::new(
            410,
            "ApiVersionError",
            format!("API version {version} is not available."),
        )
    }

    /// 412: the record has another `ETag` than `If-Match` says.
    pub fn precondition() -> Self {
        Self::new(
            412,
            "PreconditionFailed",
            "The record was changed in the meantime.",
        )
    }

    /// 429: `limit` requests were made in the window that ends in `seconds`.
    pub fn rate_limited(limit: u32, seconds: u64) -> Self {
        Self::new(
            429,
            "RateLimited",
            format!("Rate limit of {limit} exceeded. Retry in {seconds} seconds."),
        )
    }

    /// 501: Clio has this, the sandbox does not.
    pub fn not_built(path: &str, what: &str) -> Self {
        Self::new(
            501,
            "NotInSandbox",
            format!("The sandbox does not have {what} of {path}. Clio does."),
        )
    }

    /// The body.
    pub fn json(&self) -> Vec<u8> {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let (Some(errors), Some(object)) = (&self.errors, error.as_object_mut()) {
            object.insert("errors".to_owned(), errors.clone());
        }
        json!({ "error": error }).to_string().into_bytes()
    }
}
