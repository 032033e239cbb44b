//! Tests of the whole house; one binary, one link.

// Everything here is test code: `cfg(test)` says so to the lints.
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod face;
#[cfg(test)]
mod house;
#[cfg(test)]
mod http;
#[cfg(test)]
mod infer;
#[cfg(test)]
mod lungs;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod receive;
#[cfg(test)]
mod send;
#[cfg(test)]
mod whole;
#[cfg(test)]
mod worker;
