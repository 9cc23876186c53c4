use super::*;

fn bytes(message: &ClientMessage) -> Bytes {
    message.to_bytes().into()
}

fn hello(name: &str) -> Bytes {
    let client = "test".to_owned();
    bytes(&ClientMessage::Hello { protocol: PROTOCOL_VERSION, name: name.into(), client })
}

fn join() -> Bytes {
    let room = RoomWanted::Join { game: "arena".into() };
    bytes(&ClientMessage::Join { room, schema_hash: 7 })
}

fn actions(connection: &mut Connection) -> Vec<Action> {
    std::iter::from_fn(|| connection.poll_action()).collect()
}

/// A connection after its hello, and the time of that.
fn in_lobby() -> (Connection, Instant) {
    let now = Instant::now();
    let mut connection = Connection::new(now);
    connection.handle_binary(&hello("ann"), now);
    assert!(matches!(actions(&mut connection)[..], [Action::Send(ServerMessage::Welcome { .. })]));
    (connection, now)
}

fn seated() -> (Connection, Instant) {
    let (mut connection, now) = in_lobby();
    connection.handle_binary(&join(), now);
    actions(&mut connection);
    connection.handle_joined();
    (connection, now)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_hello_must_come_in_time() {
    let now = Instant::now();
    let mut connection = Connection::new(now);
    // A name that does not do gives no more time.
    connection.handle_binary(&hello(""), now + seconds(HELLO_TIME_MAX_S - 1));
    actions(&mut connection);
    assert_eq!(connection.deadline(), now + seconds(HELLO_TIME_MAX_S));
    connection.handle_timeout(connection.deadline().checked_sub(seconds(1)).unwrap());
    assert_eq!(actions(&mut connection), []);
    connection.handle_timeout(connection.deadline());
    assert_eq!(actions(&mut connection), [Action::Close(CloseCode::HelloTimeout)]);
}

#[test]
fn silence_is_asked_after_and_then_ends_the_connection() {
    let (mut connection, mut now) = seated();
    for _ in 0..3 {
        assert_eq!(connection.deadline(), now + seconds(PING_AFTER_S));
        now = connection.deadline();
        connection.handle_timeout(now);
        assert_eq!(actions(&mut connection), [Action::Ping]);
        now += seconds(1);
        connection.handle_ping(now);
    }
    connection.handle_timeout(connection.deadline());
    assert_eq!(actions(&mut connection), [Action::Ping]);
    assert_eq!(connection.deadline(), now + seconds(IDLE_TIME_MAX_S));
    connection.handle_timeout(connection.deadline());
    assert_eq!(actions(&mut connection), [Action::Close(CloseCode::IdleTimeout)]);
    connection.handle_timeout(now + seconds(1000));
    assert_eq!(actions(&mut connection), []);
}

#[test]
fn any_message_is_a_sign_of_life() {
    let (mut connection, now) = seated();
    connection.handle_timeout(now + seconds(PING_AFTER_S));
    let heard = now + seconds(PING_AFTER_S + 1);
    connection.handle_binary(&Bytes::from_static(&[ClientTag::Input as u8]), heard);
    assert_eq!(connection.deadline(), heard + seconds(PING_AFTER_S));
}

#[test]
fn a_seat_is_asked_for_and_given_back() {
    let (mut connection, now) = in_lobby();
    connection.handle_binary(&join(), now);
    assert!(connection.is_waiting_for_room());
    let [Action::Join { name, schema_hash: 7, .. }] = &actions(&mut connection)[..] else { panic!() };
    assert_eq!(name.as_ref(), "ann");
    connection.handle_refused(Refusal::RoomFull("x".into()));
    let refused = ServerMessage::Refused(Refusal::RoomFull("x".into()));
    assert_eq!(actions(&mut connection), [Action::Send(refused)]);

    connection.handle_binary(&join(), now);
    actions(&mut connection);
    connection.handle_joined();
    connection.handle_binary(&Bytes::from_static(&[ClientTag::Input as u8, 5]), now);
    connection.handle_binary(&Bytes::from_static(&[ClientTag::Message as u8, 6]), now);
    connection.handle_binary(&join(), now);
    connection.handle_binary(&bytes(&ClientMessage::Leave), now);
    assert_eq!(
        actions(&mut connection),
        [
            Action::Input(Bytes::from_static(&[5])),
            Action::Message(Bytes::from_static(&[6])),
            Action::Send(ServerMessage::Refused(Refusal::AlreadyInRoom)),
            Action::Leave,
        ]
    );
    connection.handle_left(Tick(9));
    assert_eq!(actions(&mut connection), [Action::Send(ServerMessage::Left { tick: 9 })]);
    // Sent before the client knew.
    connection.handle_binary(&Bytes::from_static(&[ClientTag::Input as u8, 5]), now);
    connection.handle_binary(&bytes(&ClientMessage::Resync), now);
    assert_eq!(actions(&mut connection), []);
}

#[test]
fn an_answer_that_comes_too_late_does_not_reopen_the_conversation() {
    let (mut connection, now) = in_lobby();
    connection.handle_binary(&join(), now);
    actions(&mut connection);
    connection.close(CloseCode::Restart);
    connection.handle_joined();
    connection.handle_binary(&Bytes::from_static(&[ClientTag::Input as u8, 5]), now);
    connection.close(CloseCode::IdleTimeout);
    let retry = ServerMessage::RetryAfter { ms: RETRY_RESTART_AFTER_MS };
    assert_eq!(actions(&mut connection), [Action::Send(retry), Action::Close(CloseCode::Restart)]);
}

#[test]
fn so_many_messages_a_second_and_no_more() {
    let ping = bytes(&ClientMessage::Ping { nonce: 1 });
    let (mut connection, now) = seated();
    let mut now = now + seconds(2);
    for _ in 0..3 {
        for _ in 0..CONTROLS_PER_S_MAX {
            connection.handle_binary(&ping, now);
        }
        assert_eq!(actions(&mut connection).len(), CONTROLS_PER_S_MAX as usize);
        now += seconds(1);
    }
    for _ in 0..=CONTROLS_PER_S_MAX {
        connection.handle_binary(&ping, now);
    }
    assert_eq!(actions(&mut connection).pop(), Some(Action::Close(CloseCode::TooFast)));
}

#[test]
fn inputs_come_steadily_and_after_a_stall_at_once() {
    let input = Bytes::from_static(&[ClientTag::Input as u8]);
    let (mut connection, mut now) = seated();
    let mut send = |count: u32, now| {
        for _ in 0..count {
            connection.handle_binary(&input, now);
        }
        let mut actions = actions(&mut connection);
        assert_eq!(actions.len(), count as usize);
        actions.pop()
    };
    for _ in 0..3 {
        assert!(matches!(send(INPUTS_PER_S_MAX, now), Some(Action::Input(_))));
        now += seconds(1);
    }
    assert!(matches!(send(INPUTS_BURST_MAX, now), Some(Action::Input(_))));
    now += seconds(1);
    assert!(matches!(send(INPUTS_PER_S_MAX, now), Some(Action::Input(_))));
    assert_eq!(send(1, now), Some(Action::Close(CloseCode::TooFast)));
}
