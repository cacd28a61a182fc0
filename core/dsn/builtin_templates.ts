/**
 * The notices that are sent unless `bounce_template_file` says otherwise, in the syntax of that file (bounce(5)).
 * First and last lines, subjects and the warning in capitals are what bounce parsers recognise; keep them.
 */
export const BUILTIN_TEMPLATES = `
failure_template = <<EOF
Charset: us-ascii
From: Mail Delivery System <MAILER-DAEMON>
Subject: Undelivered Mail Returned to Sender
Postmaster-Subject: Postmaster Copy: Undelivered Mail

This is the mail system at host $myhostname.

Your message did not reach one or more of its recipients. The reason
is given below for each of them, and your message is attached.

If you need help, write to postmaster and send this report along. You
can leave out the attached message.

                   The mail system
EOF

delay_template = <<EOF
Charset: us-ascii
From: Mail Delivery System <MAILER-DAEMON>
Subject: Delayed Mail (still being retried)
Postmaster-Subject: Postmaster Warning: Delayed Mail

This is the mail system at host $myhostname.

THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE.

Delivery of your message has failed so far, for more than
$delay_warning_time_hours hour(s). It goes on being tried until the message
is $maximal_queue_lifetime_days day(s) old.

If you need help, write to postmaster and send this report along. You
can leave out the attached message.

                   The mail system
EOF

success_template = <<EOF
Charset: us-ascii
From: Mail Delivery System <MAILER-DAEMON>
Subject: Successful Mail Delivery Report

This is the mail system at host $myhostname.

Your message was handed over for the recipients listed below. Where it
went into a mailbox, this is the last report about it. Where it went to
another system, that system may still report a failure.

                   The mail system
EOF

verify_template = <<EOF
Charset: us-ascii
From: Mail Delivery System <MAILER-DAEMON>
Subject: Mail Delivery Status Report

This is the mail system at host $myhostname.

Here is the delivery report that you asked for.

                   The mail system
EOF
`;
