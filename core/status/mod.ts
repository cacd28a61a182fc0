/** Enhanced status codes (RFC 3463), as they stand in front of a text: `5.1.1 no such user`. */
export { isStatus, leadingStatus, splitStatus } from "./status_code.ts";
