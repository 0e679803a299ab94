// SPDX-License-Identifier: MIT OR Apache-2.0
//! tonic's server and client: see `bench/probe` for what they are told and what they print.
//!
//! What protoc would generate is written by hand, so that protoc is not needed.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use probe::{BLOB, DOUBLES, ITEMS, Role, TEXT, Work};
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, StdError};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

#[derive(Clone, PartialEq, prost::Message)]
struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
struct Blob {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Item {
    #[prost(int32, tag = "1")]
    a: i32,
    #[prost(double, tag = "2")]
    b: f64,
    #[prost(string, tag = "3")]
    s: String,
    #[prost(double, repeated, tag = "4")]
    v: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Items {
    #[prost(message, repeated, tag = "1")]
    list: Vec<Item>,
}

/// Large enough for the blob and its framing.
const LIMIT: usize = 4 * BLOB;

type Answer<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

struct Nothing;

impl UnaryService<Empty> for Nothing {
    type Response = Empty;
    type Future = Answer<Empty>;

    fn call(&mut self, _request: Request<Empty>) -> Self::Future {
        Box::pin(async { Ok(Response::new(Empty {})) })
    }
}

struct Put;

impl UnaryService<Blob> for Put {
    type Response = Empty;
    type Future = Answer<Empty>;

    fn call(&mut self, request: Request<Blob>) -> Self::Future {
        std::hint::black_box(request);
        Box::pin(async { Ok(Response::new(Empty {})) })
    }
}

struct Echo;

impl UnaryService<Items> for Echo {
    type Response = Items;
    type Future = Answer<Items>;

    fn call(&mut self, request: Request<Items>) -> Self::Future {
        Box::pin(async { Ok(Response::new(request.into_inner())) })
    }
}

#[derive(Clone)]
struct Target;

impl NamedService for Target {
    const NAME: &'static str = "bench.Target";
}

impl<B> Service<http::Request<B>> for Target
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
    B::Data: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/bench.Target/put" => {
                    let mut grpc = Grpc::new(ProstCodec::<Empty, Blob>::default()).max_decoding_message_size(LIMIT);
                    grpc.unary(Put, request).await
                }
                "/bench.Target/echo" => Grpc::new(ProstCodec::<Items, Items>::default()).unary(Echo, request).await,
                _ => Grpc::new(ProstCodec::<Empty, Empty>::default()).unary(Nothing, request).await,
            })
        })
    }
}

fn main() -> ExitCode {
    let result = Role::from_arguments().and_then(|role| match role.name.as_str() {
        "server" => serve().map_err(|error| error.to_string()),
        _ => call(&role),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("tonic: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), StdError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // A port that was free a moment ago, since tonic takes an address.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    runtime.spawn(Server::builder().tcp_nodelay(true).add_service(Target).serve(address));
    while std::net::TcpStream::connect(address).is_err() {
        std::thread::yield_now();
    }
    probe::serve(&address.to_string());
    Ok(())
}

struct Client {
    runtime: tokio::runtime::Runtime,
    grpc: tonic::client::Grpc<Channel>,
}

impl Client {
    fn connect(address: &str) -> Result<Self, String> {
        // One thread: the fastest that tonic can be for a caller that blocks.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
        let channel = runtime.block_on(endpoint.tcp_nodelay(true).connect()).map_err(|error| error.to_string())?;
        Ok(Self { runtime, grpc: tonic::client::Grpc::new(channel) })
    }

    fn unary<A, R>(&mut self, path: &'static str, argument: A) -> Result<R, Status>
    where
        A: prost::Message + Default + Send + Sync + 'static,
        R: prost::Message + Default + Send + Sync + 'static,
    {
        let grpc = &mut self.grpc;
        self.runtime.block_on(async {
            grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
            let path = PathAndQuery::from_static(path);
            let reply = grpc.unary(Request::new(argument), path, ProstCodec::<A, R>::default()).await?;
            Ok(reply.into_inner())
        })
    }
}

fn call(role: &Role) -> Result<(), String> {
    let report = if role.threads > 0 {
        probe::rate(role, |_| caller(role))
    } else {
        probe::latency(role, caller(role)?)
    };
    report?.print("RESULT");
    Ok(())
}

fn caller(role: &Role) -> Result<Box<dyn FnMut() -> Result<(), String> + Send>, String> {
    let mut client = Client::connect(&role.address)?;
    let blob = Blob { data: Bytes::from(vec![7; BLOB]) };
    let item = |a| Item { a: a as i32, b: a as f64, s: TEXT.into(), v: (0..DOUBLES).map(|v| v as f64).collect() };
    let items = Items { list: (0..ITEMS).map(item).collect() };
    let work = role.work;
    Ok(Box::new(move || {
        let result = match work {
            Work::Null => client.unary::<_, Empty>("/bench.Target/nothing", Empty {}).map(|_| ()),
            Work::Put => client.unary::<_, Empty>("/bench.Target/put", blob.clone()).map(|_| ()),
            Work::Echo => client.unary::<_, Items>("/bench.Target/echo", items.clone()).map(|back| {
                std::hint::black_box(back);
            }),
        };
        result.map_err(|status| status.to_string())
    }))
}
