//! A server that has nothing of ours: what the floors of the program are compared with.

use actix_web::{App, HttpResponse, HttpServer, web};

/// Answers a constant JSON body of a length on every path, until it is killed.
///
/// # Errors
/// It cannot listen.
pub(crate) fn serve(bytes: usize) -> anyhow::Result<()> {
    let body = format!("{{\"hello\":\"{}\"}}", "x".repeat(bytes.saturating_sub(12)));
    let body = web::Bytes::from(body);
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(move || {
            let body = body.clone();
            App::new().default_service(web::to(move || {
                let body = body.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(body) }
            }))
        })
        .bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("listening on http://{address} ");
        }
        Ok(server.run().await?)
    })
}
