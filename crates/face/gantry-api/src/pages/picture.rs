//! Stored secondary captures as pictures that browsers show.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use gantry_evidence::read::{CaptureReading, read_capture};

use crate::{
    deliveries,
    problem::Problem,
    routes::{Named, Reader, Shared, read},
    studies,
    view::{View, ViewError},
};

/// More than a page of the largest size and its header have.
const BYTES_MAX: u64 = 8 << 20;

pub(super) async fn show(
    State(api): Shared,
    Reader(_person): Reader,
    Named((study, object)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let png = read(api, move |interface| picture(&interface.view, &study, &object)).await?;
    let mut response = Response::new(Body::from(png));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    Ok(response)
}

fn picture(view: &View, study: &str, object: &str) -> Result<Vec<u8>, Problem> {
    let study = studies::find(view, study)?;
    let none = || ViewError::UnknownObject(object.to_owned());
    let evidence = deliveries::find(view, object)?;
    if evidence.study != study.uid || BYTES_MAX < evidence.blob.length {
        return Err(none().into());
    }
    let bytes = view.blob.read(evidence.blob, 0..evidence.blob.length);
    let bytes = bytes.map_err(|error| ViewError::Disk(Box::new(error)))?;
    let capture = read_capture(&bytes).map_err(|error| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "evidence/no-picture",
            format!("object {object} has no picture: {error}"),
        )
    })?;
    encode(&capture).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "evidence/no-picture", error.to_string())
    })
}

fn encode(capture: &CaptureReading) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, capture.columns.into(), capture.rows.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&capture.rgb)?;
    writer.finish()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_the_stored_one() {
        let rgb: Vec<u8> = (0..5 * 3 * 3).collect();
        let png = encode(&CaptureReading { columns: 5, rows: 3, rgb: rgb.clone() }).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut out = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut out).unwrap();
        assert_eq!((info.width, info.height, out), (5, 3, rgb));
    }
}
