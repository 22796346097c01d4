"""What all HTML pages share: colors, templates that escape, and the policy that lets nothing load."""
