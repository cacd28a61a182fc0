/** The socket, below the queue directory, over which fronts tell the queue manager what they queued. */
export const HANDOVER_SOCKET = "private/postel-handover";
