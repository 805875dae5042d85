import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.*;
import org.apache.kafka.common.serialization.*;

/** What Kafka's own client says: `parse` answers given as lines of "key version hex", or `talk` to a cluster. Run as a single file. */
public class KafkaClient {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("parse")) parse();
    else for (int i = 3; i < args.length; i++) talk(args[1], args[i], Integer.parseInt(args[2]));
  }

  /** For each line its errors and how often each comes, as Kafka's own classes read them. */
  static void parse() {
    Scanner lines = new Scanner(System.in);
    while (lines.hasNext()) {
      short key = lines.nextShort();
      short version = lines.nextShort();
      ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(lines.next()));
      int size = bytes.getInt();
      RequestHeader header = new RequestHeader(ApiKeys.forId(key), version, "test", 77);
      AbstractResponse answer = AbstractResponse.parseResponse(bytes, header);
      Map<String, Integer> counts = new TreeMap<>();
      answer.errorCounts().forEach((error, count) -> counts.put(String.valueOf(error.code()), count));
      System.out.println(key + " " + version + " " + (size + 4 == bytes.limit() && !bytes.hasRemaining()) + " " + counts);
    }
  }

  /** Sends records in transactions, reads the topic in a group, and prints what it read: offset and value. */
  static void talk(String address, String topic, int count) throws Exception {
    Map<String, Object> sending = Map.of("bootstrap.servers", address, "enable.idempotence", true, "transactional.id", topic, "batch.size", 2_000,
        "compression.type", "lz4");
    try (Producer<String, String> producer = new KafkaProducer<>(sending, new StringSerializer(), new StringSerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(topic, "k" + i, "v" + i));
      producer.commitTransaction();
    }
    Map<String, Object> reading = Map.of("bootstrap.servers", address, "group.id", topic, "auto.offset.reset", "earliest", "isolation.level",
        "read_committed", "max.partition.fetch.bytes", 4_000);
    int assigned = 0;
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer())) {
      int[] joins = {0};
      consumer.subscribe(List.of(topic), new ConsumerRebalanceListener() {
        public void onPartitionsRevoked(Collection<org.apache.kafka.common.TopicPartition> gone) {}
        public void onPartitionsAssigned(Collection<org.apache.kafka.common.TopicPartition> come) { joins[0]++; }
      });
      // Behind the last record stands the mark of the end of the transaction.
      while (joins[0] == 0 || consumer.assignment().stream().anyMatch((partition) -> consumer.position(partition) <= count)) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) System.out.println(record.offset() + ":" + record.value());
      }
      consumer.commitSync();
      assigned = joins[0];
    }
    System.out.println("assigned " + assigned);
  }
}
