//! What the help shows below the arguments of commands: examples that people can type.

pub(super) const TEMPLATE_EXAMPLES: &str = "\
Examples:
  whatchanged templates logs/
      The forty most frequent kinds of message with their trend.
  whatchanged templates app.log --format json | jq '.templates[] | select(.count == 1)'
      What came once.
  whatchanged templates app.log --per-line > lines.csv
      Every record with its header taken apart and its template.";

pub(super) const PARSER_EXAMPLES: &str = "\
Examples:
  whatchanged parsers list
      All formats, and where each comes from.
  whatchanged parsers explain 'Aug 12 14:31:07 web-1 sshd[77]: Connection closed'
      Which format takes the line, what it finds, and where others stop.
  whatchanged parsers explain --file logs/shop/app.log:1284
      The same for a line of a file, with the lines before it.
  whatchanged parsers check my-formats/
      Run the samples of your own formats before using them with --parsers.";
