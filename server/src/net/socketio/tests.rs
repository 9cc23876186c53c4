use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::args::Arg;
use std::future::poll_fn;

use super::inbox::Taken;
use super::*;

/// Inputs of one client, numbered.
const INPUTS: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_client_says_is_heard_in_the_order_in_which_it_was_said() {
    let inbox = Arc::new(Inbox::default());
    let (service, io) =
        Manner::of_players(Duration::from_secs(5), Duration::from_secs(15)).builder().build_svc();
    let heard_by = inbox.clone();
    io.ns("/", move |socket: SocketRef| {
        socket.on_fallback(Listener(heard_by.clone()));
        ready(())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let door = super::super::door::Door::new(Router::new().route_service(PATH, service), 10);
    let shutdown = crate::shutdown::Shutdown::new();
    tokio::spawn(super::super::door::serve(listener, door, shutdown));

    let heard = Arc::new(AtomicUsize::new(0));
    let hearing = {
        let (inbox, heard) = (inbox.clone(), heard.clone());
        tokio::spawn(async move {
            while heard.load(Ordering::Relaxed) < INPUTS {
                let Taken::Said(said) = poll_fn(|cx| inbox.poll(cx.waker())).await else {
                    panic!("the inbox was flooded after {heard:?}");
                };
                let first = said.args.unwrap().into_first();
                let number = heard.fetch_add(1, Ordering::Relaxed);
                assert_eq!(first, Some(Arg::Json(serde_json::json!({"number": number}))));
            }
        })
    };
    let stream = TcpStream::connect(to).await.unwrap();
    let url = format!("ws://{to}{PATH}?EIO=4&transport=websocket");
    let (mut line, _) = client_async(url, stream).await.unwrap();
    line.send(Message::text("40")).await.unwrap();
    // Its handlers are there when it has been told that it is connected, and a little later.
    while !line.next().await.unwrap().unwrap().into_text().unwrap().starts_with("40") {}
    sleep(Duration::from_millis(100)).await;
    for number in 0..INPUTS {
        let input = format!(r#"42["input",{{"number":{number}}}]"#);
        line.feed(Message::text(input)).await.unwrap();
        if number % 100 == 99 {
            line.flush().await.unwrap();
            // No more than what the inbox takes.
            while heard.load(Ordering::Relaxed) + 100 < number {
                tokio::task::yield_now().await;
            }
        }
    }
    line.flush().await.unwrap();
    hearing.await.unwrap();
}
