/**
 * Delivery status notifications: the templates of bounce(5), and the reports themselves (RFC 3464, RFC 6533) in the form
 * that Postfix gives them, so that programs that read bounces understand them.
 */
export {
  composeNotice,
  type NoticeContent,
  type NoticeOptions,
  type NoticeRecipient,
  type NoticeSubject,
} from "./notice.ts";
export {
  builtinTemplates,
  expandTemplate,
  formatExpandedTemplates,
  formatTemplates,
  parseTemplates,
  type Template,
  type TemplateName,
  type Templates,
  type TemplateWarning,
} from "./template.ts";
export { wrapText } from "./wrap.ts";
