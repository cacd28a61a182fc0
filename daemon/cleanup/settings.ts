import type { Config } from "../../core/config/types.ts";

/** Everything cleanup needs from main.cf, read once per configuration snapshot. */
export interface Settings {
  readonly myhostname: string;
  readonly emptyAddressRecipient: string;
  readonly delayWarningTime: number;
  readonly enableOriginalRecipient: boolean;
  readonly duplicateFilterLimit: number;
  readonly hopcountLimit: number;
  readonly messageSizeLimit: number;
  readonly headerSizeLimit: number;
  readonly mimeBoundaryLengthLimit: number;
  readonly mimeNestingLimit: number;
  readonly disableMime: boolean;
  readonly attributeCountLimit: number;
  readonly alwaysAddMissingHeaders: boolean;
  readonly undisclosedRecipientsHeader: string;
  readonly remoteHeaderRewriteDomain: string;
  readonly dropHeaders: ReadonlySet<string>;
  readonly alwaysBcc: string;
  readonly longQueueIds: boolean;
  readonly detect8bitEncoding: boolean;
  readonly verpDelimiterFilter: string;
}

/** Reads them. Throws `ConfigError`. */
export function readSettings(config: Config): Settings {
  return {
    myhostname: config.string("myhostname"),
    emptyAddressRecipient: config.string("empty_address_recipient"),
    delayWarningTime: config.seconds("delay_warning_time"),
    enableOriginalRecipient: config.bool("enable_original_recipient"),
    duplicateFilterLimit: config.int("duplicate_filter_limit"),
    hopcountLimit: config.int("hopcount_limit"),
    messageSizeLimit: config.int("message_size_limit"),
    headerSizeLimit: config.int("header_size_limit"),
    mimeBoundaryLengthLimit: config.int("mime_boundary_length_limit"),
    mimeNestingLimit: config.int("mime_nesting_limit"),
    disableMime: config.bool("disable_mime_input_processing"),
    attributeCountLimit: config.int("queue_file_attribute_count_limit"),
    alwaysAddMissingHeaders: config.bool("always_add_missing_headers"),
    undisclosedRecipientsHeader: config.string("undisclosed_recipients_header"),
    remoteHeaderRewriteDomain: config.string("remote_header_rewrite_domain"),
    dropHeaders: new Set(config.list("message_drop_headers").map((name) => name.toLowerCase())),
    alwaysBcc: config.string("always_bcc"),
    longQueueIds: config.bool("enable_long_queue_ids"),
    detect8bitEncoding: config.bool("detect_8bit_encoding_header"),
    verpDelimiterFilter: config.string("verp_delimiter_filter"),
  };
}
