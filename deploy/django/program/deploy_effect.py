"""What an operation means for the release before, for the one that brings it, and for the data."""

REVERSIBLE, LOSES_DATA, IRREVERSIBLE = "reversible", "loses data", "irreversible"


class Effect:
    """One thing that an operation does. Survived: the release before keeps working once it is done. Needed: the release
    that brings it fails until it is done. Unknown: it is not survived only because nobody can know what it does. Blocks:
    what keeps writes waiting for as long as a table is large."""

    def __init__(self, survived=True, needed=False, reversal=REVERSIBLE, blocks="", why="", unknown=False):
        self.survived = survived
        self.unknown = unknown
        self.needed = needed
        self.reversal = reversal
        self.blocks = [blocks] if blocks else []
        self.why = [why] if why else []

    def also(self, other):
        """Both: neither is better for the other."""
        both = Effect(self.survived and other.survived, self.needed or other.needed)
        both.unknown = not both.survived and all(each.survived or each.unknown for each in (self, other))
        both.reversal = max(self.reversal, other.reversal, key=[REVERSIBLE, LOSES_DATA, IRREVERSIBLE].index)
        both.blocks = self.blocks + [each for each in other.blocks if each not in self.blocks]
        both.why = self.why + [each for each in other.why if each not in self.why]
        return both


def nothing():
    return Effect()


def all_of(effects):
    total = nothing()
    for effect in effects:
        total = total.also(effect)
    return total


def additive(what, blocks=""):
    """Something that is not there yet, and that the code which brings it uses."""
    return Effect(needed=True, blocks=blocks, why="code that uses %s fails without it" % what)


def not_known(what):
    """Blocks stays empty: that nothing is known of it is no reason to say that it does."""
    return Effect(survived=False, unknown=True, why="what %s does, and how long it blocks, is not known" % what)
