//! Published vectors: keys, blobs, and what WhatsApp's own libraries made.

use bytes::BytesMut;

use super::{key, keys, promised, run, sample};
use crate::keys::exactly_32;
use crate::{
    Decryptor, Encryptor, Expected, MediaKey, MediaKeys, MediaType, Scan, encrypt, encrypted_len,
    length_from_tail, plausible_lengths,
};

const GOLDEN: &[u8] = b"Polymorfa golden vector: whatsmeow cbcutil + hkdfutil, 2026.";
const GOLDEN_SHA256: &str = "c090368078d73efad27a94d2d7e357408e56f43b5d20ac99ad23860b829b6a92";
const GOLDEN_IMAGE: (&str, &str) = (
    "474233e574aba8c2e6f5c68cd3ea5b7e4cad764538e8593340c36d30d4067b87783033c9ef4b31ce661e6bd986f4a2c0\
     1c454eabdf2c3653726639cc1bc8eeb58ddb7d86c09618d427a0",
    "a0f35fa34e6d5bfc21acf306ca610b1b6df743601b02c63d8325fb986faaf7b6",
);
const GOLDEN_DOCUMENT: (&str, &str) = (
    "a152af0afcc1abc69708d42cd69405d5f54acb48a16964f8e61ebe26b53d1f07e8eeb87617194a5bcc9781404d5ab4b1\
     4ac1e3f51052d7ffbdb4102e3f1996744ea9bd705fff983e5d7c",
    "e6b1be38b195aa06f89ba158a85cbb59235cfcc9bb01d034292b380d6e196b9b",
);

/// Type, IV, cipher key, MAC key.
const DERIVED: [(MediaType, &str, &str, &str); 6] = [
    (
        MediaType::Image,
        "aa6a127218397cbd2383e4ccf7176a79",
        "008c9aea9b7c5d81eb56b3f530f87d42dcc92d27b11ad6b5bd66f0560d0d8c46",
        "91d09ffec108833c1699574c52657923fb6e3e161d9698bc6b3a05fbc508a515",
    ),
    (
        MediaType::Video,
        "f1dee5782cc4e2e7b07233b1e25de59b",
        "8564567ee06fa7006edab56a13c2b0a1431beb8efe698efad0f258e65feb5395",
        "259ad46118adcf3cd134ae881831c6865db31a8fa0bbce7bc3bcb9fcf369fcda",
    ),
    (
        MediaType::Audio,
        "13f8935709c20e2e8b0680f81b0dd5fb",
        "a61016c0347747b75bb8a8f6d7bcdb863ac5eb702662755054fe77db27b7c1c0",
        "9ec93580944b6656b0babacf55026028ff6c68bb134a4fd082c12b5463a3bb79",
    ),
    (
        MediaType::Document,
        "25e9d370804de0bb33ea5db79453db66",
        "b75c2bed8e162ad63dd02b6b9fbda46b8ad2692e99ed0f877d0ab48a86fff790",
        "94a393dafdca1265c99e197425de98f15f7d87d34714ea901f7eefc29c99e5ac",
    ),
    (
        MediaType::ThumbnailVideo,
        "8ecebd2dac6dca88299fc33ec011fe38",
        "33267d2287e41942e009e5d9ec484d449b34a439075786298f5aa48a1af7f858",
        "8e2b5cbf16daed117375de17bf05cf088fc082743dace7715801c63f1271c976",
    ),
    (
        MediaType::ThumbnailLink,
        "760c15df75946aad364036ed626ebaf8",
        "ae1678eb1ac461a13cd5f3f63a841f92e88052b4307683e49bcfdd6262a333b1",
        "fe127195f24f776f878e77e9d781ce237265353c8d2cd37b0a4f67dcdd3f039f",
    ),
];

/// Of a video: plaintext length, blob length, SHA-256 of plaintext and blob, MAC, sidecar length,
/// SHA-256 of the sidecar.
pub(super) const VIDEOS: [(usize, usize, &str, &str, &str, usize, &str); 6] = [
    (
        0,
        26,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "470aa34ddf332e0178c9748a02e1ff0082a8da4162e3f957dadb5b6ec8d8f32b",
        "5d6c53a16fe323259abb",
        10,
        "cae2993992ee1392f6a8b22b0399fb1d3d08046cadf270d39eb1b3863e464041",
    ),
    (
        1,
        26,
        "084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5",
        "2268e2c1493f266f2a275014ff233391d790040dc2aaf94acbef9c2bf3b7ec46",
        "18a1ad8c2dbb8a6bae87",
        10,
        "279f41259bb6d7da4ee240edcd534cbd9179e92e230ba07966b7df27d9aee050",
    ),
    (
        16,
        42,
        "9c94926dfb94433e790f2c209e2633b2dd3e922b2741ac687e164d488d1ff67c",
        "8a5f98fa691ff32ab2aeace0c2b2829e80687c2c4c558a540a06150276377530",
        "a754ebc0e1771b150d55",
        10,
        "3f97eca3c0d116d7aa58b17c244c0a8e1a23bba6ba17e6907f101bb1c81ef5fb",
    ),
    (
        65519,
        65530,
        "4a772e04c1d335b98bacf7de6b8a423998326693089583b8b6b7b73179849008",
        "837565d3f5599e1743b60efd959b1f13ba64651aa35afe71cfb49b3ff44dba06",
        "59d45a02940a22265815",
        10,
        "b6d66a296e8c021ebbf9d710851d38ed532a4aa8dba81967710f0b1cf4a70d20",
    ),
    (
        65536,
        65562,
        "510b126e1d4ced49107fe4ab03ee54cb1c8e4caf6064e1dd29c48d4a3e74c38b",
        "8e0277fc569656ac0d6e8d618f5cf40b3f3fe14cacfafb74268b02a5dce7b2de",
        "155fac5e30da7c9ffc56",
        20,
        "5098beb8ebd36cbd89aea857a2dd53a04044c0e07c816bbc81c70aa6d0ef127b",
    ),
    (
        131_072,
        131_098,
        "9da12ab2cd07bf7997023836be0e1e05fcc54ef9849c2b897795fa351d941672",
        "e6a644deb3e107de69db7f42f381dc0c0759665db2dede7dd869c44117fcf8a8",
        "3c03d49fcd33685df980",
        30,
        "5163de162c24446b43bf443f7b91d4fc652ccd150c3dac8ae0e79fa0e0b40489",
    ),
];

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

#[test]
fn derived_keys_are_the_published_ones() {
    for (media_type, iv, cipher_key, mac_key) in DERIVED {
        let keys = MediaKeys::derive(&key(), media_type);
        assert_eq!(hex::encode(keys.iv()), iv, "{media_type:?}");
        assert_eq!(hex::encode(keys.cipher_key()), cipher_key, "{media_type:?}");
        let (given, padding) = keys.mac_key().split_at(32);
        assert_eq!(hex::encode(given), mac_key, "{media_type:?}");
        assert!(padding.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn golden_vector_of_whatsmeow_is_made_and_read() {
    let types = [
        (MediaType::Image, GOLDEN_IMAGE),
        (MediaType::Document, GOLDEN_DOCUMENT),
    ];
    for (media_type, (blob, enc_sha256)) in types {
        let sealed = encrypt(&key(), media_type, GOLDEN);
        assert_eq!(hex::encode(&sealed.blob), blob);
        assert_eq!(hex::encode(sealed.sha256), GOLDEN_SHA256);
        assert_eq!(hex::encode(sealed.enc_sha256), enc_sha256);
        let keys = MediaKeys::derive(&key(), media_type);
        let decryptor = Decryptor::encrypted(&keys, promised(&sealed, 60));
        let outcome = run(decryptor, [sealed.blob.as_slice()]);
        assert_eq!(outcome.verdict.unwrap().1, GOLDEN);
    }
}

#[test]
fn empty_image_is_the_published_blob() {
    let blob = encrypt(&key(), MediaType::Image, b"").blob;
    assert_eq!(
        hex::encode(blob),
        "d86dbcfed371684274c26215fc53dc72cb480389e6f95d2b38d9"
    );
}

#[test]
fn videos_are_the_published_blobs_and_sidecars() {
    for (length, blob_len, plain_hash, blob_hash, mac, sidecar_len, sidecar_hash) in VIDEOS {
        let plain = sample(length);
        let sealed = encrypt(&key(), MediaType::Video, &plain);
        assert_eq!(sealed.blob.len(), blob_len);
        assert_eq!(encrypted_len(length as u64), blob_len as u64);
        assert_eq!(hex::encode(sealed.sha256), plain_hash);
        assert_eq!(hex::encode(sealed.enc_sha256), blob_hash);
        assert_eq!(sha256(&sealed.blob), blob_hash);
        assert_eq!(hex::encode(&sealed.blob[blob_len - 10..]), mac);
        assert_eq!(sealed.sidecar.len(), sidecar_len);
        assert_eq!(sha256(&sealed.sidecar), sidecar_hash);
        let decryptor = Decryptor::encrypted(&keys(), promised(&sealed, length as u64));
        let (verified, found) = run(decryptor, [sealed.blob.as_slice()]).verdict.unwrap();
        assert_eq!(
            (verified.sha256, verified.length),
            (sealed.sha256, length as u64)
        );
        assert_eq!(found, plain);
    }
}

#[test]
fn streaming_encryption_gives_the_same_bytes() {
    let plain = sample(200_003);
    let sealed = encrypt(&key(), MediaType::Video, &plain);
    for size in [1, 15, 16, 17, 4096, 65_537] {
        let (mut encryptor, mut blob) = (Encryptor::new(&keys()), BytesMut::new());
        plain
            .chunks(size)
            .for_each(|piece| encryptor.push(piece, &mut blob));
        let end = encryptor.finish(&mut blob);
        assert_eq!(blob, sealed.blob);
        assert_eq!(
            (end.sha256, end.enc_sha256),
            (sealed.sha256, sealed.enc_sha256)
        );
        assert_eq!((end.sidecar, end.length), (sealed.sidecar.clone(), 200_003));
    }
}

#[test]
fn scan_learns_hash_and_length() {
    for length in [0, 1, 15, 16, 17, 65_536, 200_000] {
        let plain = sample(length);
        let sealed = encrypt(&key(), MediaType::Video, &plain);
        for enc_sha256 in [None, Some(sealed.enc_sha256)] {
            let mut scan = Scan::new(&keys(), enc_sha256);
            sealed
                .blob
                .chunks(40_000)
                .for_each(|piece| scan.push(piece));
            assert_eq!(scan.consumed(), sealed.blob.len() as u64);
            let verified = scan.finish().unwrap();
            assert_eq!(
                (verified.sha256, verified.length),
                (sealed.sha256, length as u64)
            );
        }
    }
}

#[test]
fn plain_media_is_verified_by_its_hash() {
    let plain = sample(70_000);
    let hash = encrypt(&key(), MediaType::Video, &plain).sha256;
    let expected = Expected {
        sha256: Some(hash),
        enc_sha256: None,
        length: 70_000,
    };
    let outcome = run(Decryptor::plain(expected), plain.chunks(999));
    assert_eq!(outcome.before, plain[..69_999]);
    assert_eq!(outcome.verdict.unwrap().1, plain);
}

#[test]
fn length_is_known_from_the_tail() {
    for length in (0..50).chain(65_500..65_550) {
        let blob = encrypt(&key(), MediaType::Video, &sample(length)).blob;
        let size = blob.len() as u64;
        let tail = &blob[blob.len() - blob.len().min(42)..];
        assert_eq!(length_from_tail(&keys(), size, tail), Ok(length as u64));
        assert!(plausible_lengths(size).unwrap().contains(&(length as u64)));
        assert_eq!(
            length_from_tail(&keys(), size + 1, tail)
                .unwrap_err()
                .code(),
            "malformed_blob"
        );
        assert!(length_from_tail(&keys(), size, &tail[1..]).is_err());
    }
    assert!(
        length_from_tail(&keys(), 42, &[0; 42]).is_err(),
        "random padding is refused"
    );
    assert!(length_from_tail(&keys(), 0, &[]).is_err());
}

#[test]
fn plausible_lengths_are_those_that_give_the_blob() {
    for blob_len in 0..200 {
        let giving: Vec<_> = (0..200).filter(|n| encrypted_len(*n) == blob_len).collect();
        assert_eq!(
            plausible_lengths(blob_len)
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
            giving
        );
    }
    assert_eq!(encrypted_len(u64::MAX), u64::MAX);
}

#[test]
fn bad_key_length_is_refused_by_field_name() {
    let error = MediaKey::from_slice("mediaKey", &[0; 31]).unwrap_err();
    assert_eq!(error.to_string(), "mediaKey has 31 bytes instead of 32");
    assert_eq!(exactly_32("fileSha256", &[7; 32]), Ok([7; 32]));
}

#[test]
fn keys_never_show_in_debug() {
    assert_eq!(
        format!("{:?} {:?}", key(), keys()),
        "MediaKey(…) MediaKeys(…)"
    );
}

#[test]
fn types_serialise_as_their_mms_type() {
    for media_type in MediaType::ALL {
        let json = serde_json::to_value(media_type).unwrap();
        assert_eq!(json, media_type.mms_type());
        let thumbnail = media_type
            .thumbnail()
            .map_or("thumbnail-", MediaType::mms_type);
        assert!(thumbnail.starts_with("thumbnail-"));
    }
}
