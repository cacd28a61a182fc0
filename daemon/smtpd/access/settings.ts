import { type Config, ConfigError, inetVersions } from "../../../core/config/mod.ts";
import { type MatchList, matchList, type TableSet } from "../../../core/table/mod.ts";
import type { PolicyOptions } from "./policy_client.ts";

/** `reject_tempfail_action`: refuse at once, or only if nothing refuses for good. */
export type TempfailAction = "defer" | "defer_if_permit";

/** How unverified senders or recipients are refused. */
export interface UnverifiedSettings {
  readonly deferCode: number;
  readonly rejectCode: number;
  /** In place of what the probe found; empty: tell that. */
  readonly reason: string;
  readonly tempfail: TempfailAction;
}

/** Parameters that single restrictions read; once for a snapshot. */
export interface AccessSettings {
  readonly families: readonly (4 | 6)[];
  /** `smtpd_log_access_permit_actions` */
  readonly loggedPermits: MatchList;
  readonly mxBackupNetworks: MatchList;
  readonly hasMxBackupNetworks: boolean;
  readonly unverifiedSender: UnverifiedSettings;
  readonly unverifiedRecipient: UnverifiedSettings;
  readonly unknownAddressTempfail: TempfailAction;
  readonly unknownHelloTempfail: TempfailAction;
  /** How often the answer about an address is asked for, and how many seconds lie in between. */
  readonly verifyPollCount: number;
  readonly verifyPollDelay: number;
  /** `smtpd_policy_service_*`: what holds where `check_policy_service` says nothing else. */
  readonly policy: Omit<PolicyOptions, "endpoint">;
  /** `maps_rbl_domains`, for an old restriction. */
  readonly blockLists: readonly string[];
}

function tempfail(config: Config, name: string): TempfailAction {
  const value = config.string(name).toLowerCase();
  if (value === "defer" || value === "defer_if_permit") return value;
  throw new ConfigError(
    `bad parameter value: '${name} = ${value}': use defer or defer_if_permit`,
    config.origin(name),
  );
}

function unverified(config: Config, who: "sender" | "recipient"): UnverifiedSettings {
  return {
    deferCode: config.int(`unverified_${who}_defer_code`),
    rejectCode: config.int(`unverified_${who}_reject_code`),
    reason: config.string(`unverified_${who}_reject_reason`),
    tempfail: tempfail(config, `unverified_${who}_tempfail_action`),
  };
}

function policyDefaults(config: Config): Omit<PolicyOptions, "endpoint"> {
  const prefix = "smtpd_policy_service_";
  return {
    timeout: config.seconds(`${prefix}timeout`),
    maxIdle: config.seconds(`${prefix}max_idle`),
    maxTtl: config.seconds(`${prefix}max_ttl`),
    requestLimit: config.int(`${prefix}request_limit`),
    tryLimit: config.int(`${prefix}try_limit`),
    retryDelay: config.seconds(`${prefix}retry_delay`),
    defaultAction: config.string(`${prefix}default_action`),
    context: config.string(`${prefix}policy_context`),
  };
}

/** Throws `ConfigError` or `TableError` for what can't be used. */
export function readAccessSettings(config: Config, tables: TableSet): AccessSettings {
  const list = (kind: "address" | "string", name: string) =>
    matchList(kind, config.string(name), tables, { name });
  return {
    families: inetVersions(config),
    loggedPermits: list("string", "smtpd_log_access_permit_actions"),
    mxBackupNetworks: list("address", "permit_mx_backup_networks"),
    hasMxBackupNetworks: config.string("permit_mx_backup_networks").trim() !== "",
    unverifiedSender: unverified(config, "sender"),
    unverifiedRecipient: unverified(config, "recipient"),
    unknownAddressTempfail: tempfail(config, "unknown_address_tempfail_action"),
    unknownHelloTempfail: tempfail(config, "unknown_helo_hostname_tempfail_action"),
    verifyPollCount: config.int("address_verify_poll_count"),
    verifyPollDelay: config.seconds("address_verify_poll_delay"),
    policy: policyDefaults(config),
    blockLists: config.list("maps_rbl_domains"),
  };
}
