import type { DsnDetail } from "../delivery/types.ts";

/** A server's reply, or one that we make up for a failure of our own. */
export interface ServerReply {
  /** 0 if the line had no three digits. */
  readonly code: number;
  /** Enhanced status: the server's if it fits the code, else `X.0.0`; `5.5.0` for what is no reply. */
  readonly status: string;
  /** All lines with their codes, separated by line feeds. */
  readonly text: string;
}

/** The lines of a reply in one. */
export function oneLine(reply: ServerReply): string {
  return reply.text.includes("\n") ? reply.text.replaceAll("\n", " ") : reply.text;
}

/** A reason of our own: connection trouble, routing, policy. */
export function localDetail(status: string, reason: string): DsnDetail {
  return { status, reason };
}

/** A reason that quotes a server. @param host its name */
export function remoteDetail(host: string, reply: ServerReply, status: string, reason: string): DsnDetail {
  return {
    status,
    reason,
    diagnostic: { type: "smtp", text: oneLine(reply) },
    remote: { type: "dns", name: host },
  };
}

/** Neither success nor failure fits the place: the server does not follow the protocol. */
export function asFailure(detail: DsnDetail): DsnDetail {
  if (detail.status.startsWith("4") || detail.status.startsWith("5")) return detail;
  return { ...detail, status: "5.5.0", reason: `Protocol error: ${detail.reason}` };
}

/** Has the server done what it was asked? */
export function isPositive(reply: ServerReply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

/** Is the delivery to be tried again? */
export function isSoft(detail: DsnDetail): boolean {
  return detail.status.startsWith("4");
}

/** Mail would come back to this system. */
export function isLoop(detail: DsnDetail): boolean {
  return detail.status === "5.4.6";
}
