"""A small task that fills the form at one click: tickets of a shop, a few labelled, some not, some to test with."""

from __future__ import annotations

NAME = "shop-tickets"

LABELS = """\
billing: charges, refunds, invoices
delivery: where a parcel is, when it comes
returns: send back, exchange, faulty goods
account: login, password, personal details
"""

# Tab between text and label, as a spreadsheet copies two columns.
EXAMPLES = """\
I was charged twice for the same order	billing
the invoice has the wrong VAT number on it	billing
When will my refund be on my card?	billing
You took 4.90 for shipping although it said free	billing
can i pay the rest with a voucher	billing
My bank shows a payment I never made to you	billing
Tracking has said "in transit" for nine days	delivery
where is my parcel??	delivery
Can you deliver to a pick-up point instead of my door?	delivery
The courier left it with a neighbour who knows nothing about it	delivery
do you ship to the canary islands	delivery
It was due on Tuesday and I leave on Friday. Will it make it?	delivery
These boots are half a size too small, can I swap them?	returns
The zip broke the first time I used it	returns
How do I send back only one of the two jackets?	returns
You sent me the blue one, I ordered grey	returns
is there a label in the box for returning things	returns
Lamp arrived with a cracked shade, photos attached	returns
I can't log in, it says my e-mail is unknown	account
please change my last name, I got married	account
The reset link does not open	account
How do I delete my account and everything you know about me?	account
I have two accounts, can you merge them	account
Stop sending me the newsletter, I have unsubscribed three times	account
"""

UNLABELED = """\
Hello, my order arrived but the receipt is missing
how long does standard shipping take
The tent pole snapped on the first night
I never got the confirmation mail for my new password
Could you send the invoice to my company instead?
the app logs me out every five minutes
I'd like to return a gift without the sender knowing
Parcel marked as delivered, nothing here
My card was declined but the money is gone
what happens if i am not at home when the courier comes
The jumper lost its shape after one wash
Please update my phone number
You refunded only half of the amount
Is it possible to change the address of an order that is on its way?
wrong size again, third time now
I forgot which e-mail address I signed up with
Two of the six glasses were broken when I opened the box
Why is there a customs fee on my bill?
can someone ring me before they deliver
I want to see which data you keep about me
The discount code did not come off the total
Do I have to pay for sending it back?
My parcel went to the wrong depot according to the tracking page
two-factor codes never reach my phone
the left shoe is a 41 and the right one a 42
I paid by bank transfer last week, have you got it?
Will you ship the missing item separately?
Please cancel my subscription to the catalogue
"""

TEST = """\
There is a second payment on my statement	billing
please send me a proper receipt for tax	billing
I still have not got my money back	billing
Has my order left the warehouse yet?	delivery
the driver could not find my house	delivery
Can it come on Saturday?	delivery
The kettle leaks, I want a new one	returns
I changed my mind about the blanket, how do I send it back	returns
sleeves far too long, exchange for S please	returns
My password does not work any more	account
use my new e-mail address from now on	account
Someone else seems to have signed in as me	account
"""


def example_fields() -> dict[str, str]:
    """The form's fields, filled in.

    Example:
        >>> example_fields()["name"]
        'shop-tickets'
    """
    return {"name": NAME, "labels": LABELS, "examples": EXAMPLES, "unlabeled": UNLABELED, "test": TEST}
