//! Routes that do nothing, for measuring what the others cost: the same server, the same bodies.

use actix_web::{
    HttpResponse,
    web::{self, Bytes, ServiceConfig},
};
use serde_json::{Value, json};

use crate::problem::Refusal;

/// The longest answer, in bytes.
const MOST_BYTES: usize = 1 << 16;

/// Below `/floor`; none of it is part of the API.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .route("/floor/hello/{bytes}", web::get().to(hello))
        .route("/floor/echo", web::post().to(echo));
}

/// JSON of that length, which was made before.
async fn hello(bytes: web::Path<usize>) -> Result<HttpResponse, Refusal> {
    thread_local! {
        static MADE: std::cell::RefCell<std::collections::HashMap<usize, Bytes>> =
            std::cell::RefCell::default();
    }
    let length = bytes.into_inner().min(MOST_BYTES);
    let body = MADE.with_borrow_mut(|made| {
        made.entry(length)
            .or_insert_with(|| {
                let frame = json!({ "hello": "" }).to_string().len();
                let text = "x".repeat(length.saturating_sub(frame));
                json!({ "hello": text }).to_string().into()
            })
            .clone()
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// What was sent, parsed and written again.
async fn echo(body: web::Json<Value>) -> HttpResponse {
    HttpResponse::Ok().json(body.into_inner())
}
