"""Each change of what people set up raises its hotel's revision: so the bridge learns that it must read it again."""

from rules.ids import HotelId
from store.errors import NotFound
from store.transaction import Transaction


def changed_hotel(transaction: Transaction, hotel_id: HotelId) -> int:
    """Raise the revision and return the hotel's key. Raises NotFound.

    From here to the commit others who change the hotel wait, so what is read next stays so.
    """
    transaction.news = True
    row = transaction.row("UPDATE hotel SET revision = revision + 1 WHERE id = :hotel RETURNING key", hotel=hotel_id)
    if row is None:
        raise NotFound("hotel", hotel_id)
    return int(row[0])
