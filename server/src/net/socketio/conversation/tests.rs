use super::*;

fn bytes(message: &ServerMessage) -> Bytes {
    message.to_bytes().into()
}

#[test]
fn so_many_requests_wait_for_their_answers() {
    let mut conversation = Conversation::new(Form::Json);
    let mut out = VecDeque::new();
    for ack in 0..=SOCKETIO_ANSWERS_MAX {
        conversation.hear("ping", Args::from(Vec::new()), Some(ack)).unwrap();
    }
    for _ in 0..=SOCKETIO_ANSWERS_MAX {
        conversation.tell(&bytes(&ServerMessage::Pong { nonce: 0 }), &mut out).unwrap();
    }
    assert_eq!(out.pop_back(), Some(Told::Event("pong", json!({"nonce": 0}).into())));
    let answers: Vec<_> =
        out.iter().map(|told| matches!(told, Told::Answer(ack, _) if *ack < SOCKETIO_ANSWERS_MAX)).collect();
    assert_eq!(answers, [true; SOCKETIO_ANSWERS_MAX]);
}
