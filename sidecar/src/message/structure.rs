//! What an unwrapped message shows: its kind, texts and media, from plain fields and from the
//! structures that carry media in a header, a title or a card.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::__buffa::oneof::message as oneof;

use super::content::{Content, MediaReference};
use super::plain;
use super::reference;
use super::unwrap::{MAX_DEPTH, mentions};
use crate::media::MediaKind;

/// How many files one message may carry; a carousel has at most ten cards.
const MAX_MEDIA: usize = 64;

/// The content of a message without wrappers, `depth` levels of which are already spent. `None`
/// when no person sees it.
pub(super) fn read(message: &wa::Message, depth: usize) -> Option<Content> {
    let mut reader = Reader::default();
    reader.media(message);
    reader.structures(message, depth);
    plain::read(message, &mut reader);
    reader.finish(message)
}

/// Collects content. The first kind, text and context found stay.
#[derive(Default)]
pub(super) struct Reader {
    content: Content,
    kind: Option<&'static str>,
    /// Body of a structure: the caption of its media, or the text if there is none.
    body: Option<String>,
}

// === impl Reader ===

impl Reader {
    /// Notes a kind with its text.
    pub(super) fn shown(&mut self, kind: &'static str, text: Option<&String>) {
        self.kind.get_or_insert(kind);
        if self.content.text.is_none() {
            self.content.text = text.filter(|text| !text.is_empty()).cloned();
        }
    }

    /// Notes what a message says about its relation to others. Never looks at the quoted message.
    pub(super) fn context(&mut self, context: &MessageField<wa::ContextInfo>) {
        let Some(context) = context.as_option() else {
            return;
        };
        if self.content.quoted_id.is_none() {
            self.content.quoted_id = context.stanza_id.clone().filter(|id| !id.is_empty());
        }
        if self.content.mentions.is_empty() {
            self.content.mentions = mentions(context);
        }
        self.content.forwarded |=
            context.is_forwarded == Some(true) || context.forwarding_score > Some(0);
    }

    fn push(&mut self, media: MediaReference) {
        if self.content.media.len() == MAX_MEDIA {
            self.content.fault = Some(format!("message carries more than {MAX_MEDIA} files"));
        } else {
            self.content.media.push(media);
        }
    }

    fn caption(&mut self, caption: Option<&String>) {
        if self.content.caption.is_none() {
            self.content.caption = caption.filter(|text| !text.is_empty()).cloned();
        }
    }

    fn body(&mut self, body: Option<&String>) {
        if self.body.is_none() {
            self.body = body.filter(|text| !text.is_empty()).cloned();
        }
    }

    fn media(&mut self, message: &wa::Message) {
        if let Some(image) = message.image_message.as_option() {
            self.image(image);
        }
        if let Some(video) = message.video_message.as_option() {
            self.video(video);
        }
        if let Some(note) = message.ptv_message.as_option() {
            self.context(&note.context_info);
            self.content.view_once |= note.view_once == Some(true);
            self.push(reference::video_note(note));
        }
        if let Some(audio) = message.audio_message.as_option() {
            self.audio(audio);
        }
        if let Some(document) = message.document_message.as_option() {
            self.document(document);
        }
        if let Some(sticker) = message.sticker_message.as_option() {
            self.context(&sticker.context_info);
            self.push(reference::sticker(sticker));
        }
        if let Some(pack) = message.sticker_pack_message.as_option() {
            self.context(&pack.context_info);
            self.caption(pack.caption.as_ref());
            self.push(reference::sticker_pack(pack));
        }
    }

    fn image(&mut self, image: &wa::message::ImageMessage) {
        self.context(&image.context_info);
        self.caption(image.caption.as_ref());
        self.content.view_once |= image.view_once == Some(true);
        self.push(reference::image(image));
    }

    fn video(&mut self, video: &wa::message::VideoMessage) {
        self.context(&video.context_info);
        self.caption(video.caption.as_ref());
        self.content.view_once |= video.view_once == Some(true);
        self.push(reference::video(video));
    }

    fn audio(&mut self, audio: &wa::message::AudioMessage) {
        self.context(&audio.context_info);
        self.content.view_once |= audio.view_once == Some(true);
        self.push(reference::audio(audio));
    }

    fn document(&mut self, document: &wa::message::DocumentMessage) {
        self.context(&document.context_info);
        self.caption(document.caption.as_ref());
        self.push(reference::document(document));
    }

    fn structures(&mut self, message: &wa::Message, depth: usize) {
        if let Some(template) = message.template_message.as_option() {
            self.template(template, depth);
        }
        if let Some(buttons) = message.buttons_message.as_option() {
            self.buttons(buttons);
        }
        if let Some(interactive) = message.interactive_message.as_option() {
            self.interactive(interactive, depth);
        }
        if let Some(product) = message.product_message.as_option() {
            self.product(product);
        }
        if let Some(structured) = message.highly_structured_message.as_option() {
            self.structured(structured, depth);
        }
    }

    /// `false`, with the fault noted, when the structure nests too deep.
    fn descend(&mut self, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            self.content.fault = Some(format!("message nests more than {MAX_DEPTH} structures"));
        }
        depth <= MAX_DEPTH
    }

    /// Senders often repeat the four-row template in `hydratedTemplate`: one of the two is read.
    fn template(&mut self, template: &wa::message::TemplateMessage, depth: usize) {
        use oneof::template_message::Format;
        self.kind.get_or_insert("text");
        self.context(&template.context_info);
        if !self.descend(depth) {
            return;
        }
        let before = self.content.media.len();
        match &template.format {
            Some(Format::FourRowTemplate(rows)) => self.four_rows(rows, depth + 1),
            Some(Format::HydratedFourRowTemplate(rows)) => self.hydrated(rows),
            Some(Format::InteractiveMessageTemplate(message)) => {
                self.interactive(message, depth + 1);
            }
            None => {}
        }
        if let Some(rows) = template.hydrated_template.as_option()
            && self.content.media.len() == before
        {
            self.hydrated(rows);
        }
    }

    fn four_rows(&mut self, rows: &wa::message::template_message::FourRowTemplate, depth: usize) {
        use oneof::template_message::four_row_template::Title;
        match &rows.title {
            Some(Title::ImageMessage(image)) => self.image(image),
            Some(Title::VideoMessage(video)) => self.video(video),
            Some(Title::DocumentMessage(document)) => self.document(document),
            Some(Title::HighlyStructuredMessage(structured)) => self.structured(structured, depth),
            Some(Title::LocationMessage(_)) | None => {}
        }
        if let Some(structured) = rows.content.as_option() {
            self.structured(structured, depth);
        }
    }

    fn hydrated(&mut self, rows: &wa::message::template_message::HydratedFourRowTemplate) {
        use oneof::template_message::hydrated_four_row_template::Title;
        self.body(rows.hydrated_content_text.as_ref());
        match &rows.title {
            Some(Title::ImageMessage(image)) => self.image(image),
            Some(Title::VideoMessage(video)) => self.video(video),
            Some(Title::DocumentMessage(document)) => self.document(document),
            Some(Title::HydratedTitleText(text)) => self.body(Some(text)),
            Some(Title::LocationMessage(_)) | None => {}
        }
    }

    fn buttons(&mut self, buttons: &wa::message::ButtonsMessage) {
        use oneof::buttons_message::Header;
        self.kind.get_or_insert("text");
        self.context(&buttons.context_info);
        self.body(buttons.content_text.as_ref());
        match &buttons.header {
            Some(Header::ImageMessage(image)) => self.image(image),
            Some(Header::VideoMessage(video)) => self.video(video),
            Some(Header::DocumentMessage(document)) => self.document(document),
            Some(Header::Text(text)) => self.body(Some(text)),
            Some(Header::LocationMessage(_)) | None => {}
        }
    }

    fn interactive(&mut self, message: &wa::message::InteractiveMessage, depth: usize) {
        use oneof::interactive_message::InteractiveMessage as Variant;
        self.kind.get_or_insert("text");
        self.context(&message.context_info);
        self.body(message.body.as_option().and_then(|body| body.text.as_ref()));
        if !self.descend(depth) {
            return;
        }
        if let Some(header) = message.header.as_option() {
            self.interactive_header(header);
        }
        if let Some(footer) = message.footer.as_option()
            && let Some(oneof::interactive_message::footer::Media::AudioMessage(audio)) =
                &footer.media
        {
            self.audio(audio);
        }
        if let Some(Variant::CarouselMessage(carousel)) = &message.interactive_message {
            for card in &carousel.cards {
                self.interactive(card, depth + 1);
            }
        }
    }

    fn interactive_header(&mut self, header: &wa::message::interactive_message::Header) {
        use oneof::interactive_message::header::Media;
        match &header.media {
            Some(Media::ImageMessage(image)) => self.image(image),
            Some(Media::VideoMessage(video)) => self.video(video),
            Some(Media::DocumentMessage(document)) => self.document(document),
            Some(Media::ProductMessage(product)) => self.product(product),
            Some(Media::JpegThumbnail(_) | Media::LocationMessage(_)) | None => {}
        }
        self.body(header.title.as_ref());
    }

    fn product(&mut self, message: &wa::message::ProductMessage) {
        self.kind.get_or_insert("text");
        self.context(&message.context_info);
        self.body(message.body.as_ref());
        if let Some(product) = message.product.as_option() {
            self.body(product.title.as_ref());
            if let Some(image) = product.product_image.as_option() {
                self.image(image);
            }
        }
        if let Some(catalog) = message.catalog.as_option() {
            self.body(catalog.title.as_ref());
            if let Some(image) = catalog.catalog_image.as_option() {
                self.image(image);
            }
        }
    }

    fn structured(&mut self, message: &wa::message::HighlyStructuredMessage, depth: usize) {
        self.kind.get_or_insert("text");
        if let Some(template) = message.hydrated_hsm.as_option() {
            self.template(template, depth + 1);
        }
    }

    fn finish(mut self, message: &wa::Message) -> Option<Content> {
        if let Some(first) = self.content.media.first() {
            self.kind = Some(kind_name(first.kind));
            self.content.caption = self.content.caption.or(self.body);
        } else {
            self.content.text = self.content.text.or(self.body);
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None if plain::is_housekeeping(message) => return None,
            None => "unknown",
        };
        kind.clone_into(&mut self.content.kind);
        Some(self.content)
    }
}

fn kind_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Document => "document",
        MediaKind::Sticker => "sticker",
    }
}
