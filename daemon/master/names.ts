/** The socket, below the queue directory, over which fronts tell the queue manager what they queued. */
export const HANDOVER_SOCKET = "private/postel-handover";
/** The socket, below the queue directory, over which the queue manager hands deliveries to the delivery process. */
export const DELIVERY_SOCKET = "private/postel-delivery";
/** The socket, below the queue directory, over which the queue process has parts of a long listing made. */
export const LISTING_SOCKET = "private/postel-listing";
/** The socket, below the queue directory, over which the greylist is asked. */
export const GREYLIST_SOCKET = "private/postel-greylist";
