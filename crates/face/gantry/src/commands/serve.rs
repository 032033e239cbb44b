//! `gantry serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    cli::Serve,
    node::{Access, Node},
    report::{Failure, say},
    serving::{Listen, Serving},
};

/// Serves until a signal says stop.
pub(crate) fn run(options: &Serve) -> Result<(), Failure> {
    // Before anything is opened: a signal that comes early must not kill the process half way.
    let mut signals =
        Signals::new([SIGTERM, SIGINT]).map_err(|error| Failure::unexpected("serve/failed", &error))?;
    let node = Node::open(&options.data, Access::Serve)?;
    let mut listen = Listen { dicom: node.config.dicom.listen, http: node.config.http.listen };
    listen.dicom.set_port(options.dicom_port.unwrap_or(listen.dicom.port()));
    if let Some(port) = options.http_port {
        let address = listen.http.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |http| http.ip());
        listen.http = Some(SocketAddr::new(address, port));
    }
    let serving = Serving::start(node, listen)?;
    let titles: Vec<String> = serving.titles().iter().map(ToString::to_string).collect();
    say(&format!(
        "gantry: door {} is open on {}, data in {}",
        titles.join(", "),
        serving.address(),
        options.data.display()
    ));
    serving.say_http(&options.data);
    signals.forever().next();
    serving.stop();
    Ok(())
}
