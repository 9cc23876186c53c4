//! What strangers do to the door for Socket.IO.

use std::time::Duration;

use fracas_shared::limits::{CONTROLS_PER_S_MAX, HELLO_TIME_MAX_S};
use tokio::time::sleep;

use super::{FLOOD_BYTES_MAX, FLOOD_TIME_MAX, Stranger};
use crate::line::{End, Line, Opcode, frame};

/// Events with names of their own, of one stranger.
const NAMES: u32 = 4 * CONTROLS_PER_S_MAX;

impl Stranger {
    async fn connect_by_socketio(&self) -> Result<Line, End> {
        let mut line = Line::engine_io(self.to, self.from).await?;
        line.send(&frame(Opcode::Text, true, br#"40{"name":"stranger"}"#)).await?;
        Ok(line)
    }

    pub(super) async fn leave_handshake(&self) -> Result<Line, End> {
        let path = "/socket.io/?EIO=4&transport=polling";
        let mut line = self.connect().await?;
        line.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await?;
        let (status, body) = line.answer().await?;
        let open = String::from_utf8_lossy(&body);
        let sid = open.split_once(r#""sid":""#).and_then(|(_, rest)| rest.split('"').next());
        let Some(sid) = sid else { return Err(End::Answered(status)) };
        sleep(Duration::from_secs(HELLO_TIME_MAX_S + 2)).await;
        // Its line may have been closed meanwhile.
        let mut line = self.connect().await?;
        line.send(format!("GET {path}&sid={sid} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await?;
        Err(line.answered().await)
    }

    pub(super) async fn flood_engine_io(&self) -> Result<Line, End> {
        let mut line = self.connect_by_socketio().await?;
        let mut pings = frame(Opcode::Ping, true, &[0; 125]);
        pings.extend(frame(Opcode::Text, true, b"3"));
        line.flood(&pings.repeat(100), FLOOD_BYTES_MAX, FLOOD_TIME_MAX).await;
        Ok(line)
    }

    pub(super) async fn talk_nonsense(&mut self) -> Result<Line, End> {
        let mut line = self.connect_by_socketio().await?;
        let noise: String = self.random(100).iter().map(|byte| char::from(b' ' + byte % 95)).collect();
        let packet = match self.number % 4 {
            0 => format!("4{noise}"),
            1 => format!("42[\"{noise}"),
            2 => format!("459-[\"input\"{}]", r#",{"_placeholder":true,"num":0}"#.repeat(9)),
            _ => format!("z{noise}"),
        };
        line.send(&frame(Opcode::Text, true, packet.as_bytes())).await?;
        Ok(line)
    }

    pub(super) async fn make_up_names(&mut self) -> Result<Line, End> {
        let mut line = self.connect_by_socketio().await?;
        for _ in 0..NAMES {
            let event = format!(r#"42["{}",1]"#, self.rng.bits());
            line.send(&frame(Opcode::Text, true, event.as_bytes())).await?;
        }
        Ok(line)
    }
}
