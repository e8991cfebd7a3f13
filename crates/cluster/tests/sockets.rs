//! The same rooms over real connections that are refused, broken and silent.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter::env::Env;
use cluster::client::{Access, Client};
use cluster::clock;
use cluster::lease::{Candidate, Election, Leadership};
use cluster::watch::{Collection, Event, Form, Observer, Start, State, Trouble, Watch};
use serde_json::json;
use testkit::{ApiServer, Cut, Gone};
use tokio::time::{sleep, timeout};

const PODS: &str = "v1/pods";
const PATIENCE: Duration = Duration::from_secs(30);

fn client(server: &ApiServer) -> Client {
    let file = server.kubeconfig();
    let env = Env::from_pairs([("KUBECONFIG", file.to_str().expect("a path"))]);
    Client::new(&Access::from_env(&env).expect("a kubeconfig")).expect("a client")
}

fn pod(server: &ApiServer, name: &str) {
    server.apply(PODS, json!({"metadata": {"namespace": "a", "name": name}}));
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl Observer for Names {
    async fn event(&mut self, event: Event<'_>) {
        if let Event::Added(object) | Event::Listed(object) = event {
            self.0
                .lock()
                .expect("no panic")
                .push(object.name.to_string());
        }
    }

    fn trouble(&mut self, trouble: &Trouble, _streak: u32) -> ControlFlow<()> {
        if trouble.code() == Some(403) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Names {
    async fn wait_for(&self, names: &[&str]) {
        let all = async {
            while *self.0.lock().expect("no panic") != names {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            timeout(PATIENCE, all).await.is_ok(),
            "{:?} is not {names:?}",
            self.0
        );
    }
}

#[tokio::test]
async fn a_watch_goes_on_after_everything_that_breaks() {
    let server = ApiServer::start();
    server.cut("/pods", 100, Cut::Reset);
    let collection = Collection::whole("/api/v1/namespaces/a/pods");
    let watch = Watch::new(client(&server), collection, Start::Listed(Form::Whole));
    let (status, names) = (watch.status(), Names::default());
    let mut observer = names.clone();
    let running = tokio::spawn(async move { watch.run(&mut observer).await });
    timeout(PATIENCE, status.settled()).await.unwrap();

    pod(&server, "reset-inside-a-line");
    names.wait_for(&["reset-inside-a-line"]).await;
    for (number, how) in [Cut::Reset, Cut::Close, Cut::End].into_iter().enumerate() {
        server.cut("/pods", 20, how);
        server.break_watches();
        pod(&server, &format!("n{number}"));
    }
    names
        .wait_for(&["reset-inside-a-line", "n0", "n1", "n2"])
        .await;
    server.stop();
    pod(&server, "n3");
    sleep(Duration::from_millis(500)).await;
    assert_ne!(status.state(), State::Up);
    server.resume();
    names
        .wait_for(&["reset-inside-a-line", "n0", "n1", "n2", "n3"])
        .await;
    server.freeze();
    pod(&server, "n4");
    sleep(Duration::from_millis(500)).await;
    server.resume();
    names
        .wait_for(&["reset-inside-a-line", "n0", "n1", "n2", "n3", "n4"])
        .await;
    assert_eq!(status.gaps(), 0);
    let lists = server.calls().iter().filter(|call| call.is_list()).count();
    assert_eq!(lists, 1);

    server.stop();
    server.delete(PODS, "a", "n4");
    server.compact(Gone::Event);
    server.resume();
    timeout(PATIENCE, async {
        while status.gaps() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    server.allow([]);
    server.break_watches();
    let trouble = timeout(PATIENCE, running).await.unwrap().unwrap();
    assert_eq!(trouble.code(), Some(403), "{trouble}");
}

#[tokio::test]
async fn two_candidates_and_an_api_server_that_is_away() {
    let server = ApiServer::start();
    let config = r#"{"Buckets":1,"LeaseDuration":3000000000,"RenewDeadline":2000000000,"RetryPeriod":500000000}"#;
    let start = || {
        let election = Election::read(Some(config), "a.b").expect("it can work");
        Candidate::start(&client(&server), "ns", election, &clock::system())
    };
    let leads = async |candidate: &Candidate| {
        let mut said = candidate.leaderships();
        let led = said.wait_for(|said| said[0] != Leadership::Standby);
        assert!(timeout(PATIENCE, led).await.is_ok(), "nobody leads");
    };
    let (first, second) = (start(), start());
    tokio::select! { () = leads(&first) => {}, () = leads(&second) => {} }
    let (leader, other) = if first.leads(0) {
        (first, second)
    } else {
        (second, first)
    };
    sleep(Duration::from_secs(4)).await;
    assert!(leader.leads(0) && !other.leads(0));
    server.stop();
    sleep(Duration::from_millis(2500)).await;
    assert!(!leader.leads(0) && !other.leads(0));
    server.resume();
    tokio::select! { () = leads(&leader) => {}, () = leads(&other) => {} }
    let (leader, other) = if leader.leads(0) {
        (leader, other)
    } else {
        (other, leader)
    };
    let begin = std::time::Instant::now();
    let released = leader.release(PATIENCE);
    let ((), ()) = tokio::join!(released, leads(&other));
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
}
